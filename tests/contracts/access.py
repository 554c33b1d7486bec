"""The calls of who comes in, and how."""

from tests.contracts.calls import ACTOR, Installation


def single_sign_on(new: Installation) -> None:
    """An installation without an identity provider."""
    new.call("single sign-on: all", "single sign-on", "--json")
    new.call("single sign-on: without a provider", "single sign-on", "set", "council.system", "--subject", "x", *ACTOR)
    new.call("single sign-on: of nobody", "single sign-on", "part", "council.system", *ACTOR)
    new.call("webhooks: all", "webhooks", "--json")
    new.call("webhooks: inside a network", "webhooks", "make", "https://10.0.0.1/hooks", *ACTOR)
    new.call("webhooks: what was sent", "webhooks", "sent", "--json")
    new.call("webhooks: none of that id", "webhooks", "end", "w-00000000", *ACTOR)
    new.call("law watch: a check of what is not watched", "law watch", "check", "none", "--found", "unchanged", *ACTOR)
    new.call("law watch: a check", "law watch", "check", "send_regulations", "--found", "unchanged", *ACTOR)
    new.call("files: the shipped ones were in force", "files", "use", "ladder.toml", "--shipped", *ACTOR)
    new.call("files: of what file", "files", "use", "rights.toml", "--shipped", *ACTOR)
    new.call("files: all", "files", "--json")
    new.call("law watch: all", "law watch", "--json")
