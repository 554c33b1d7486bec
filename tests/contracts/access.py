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
    new.call("directory: all", "directory", "--json")
    ending = ("provides", "QX101.2", "last_day=2026-12-31", "successor=QX103")
    new.call("directory: what it would do", "directory", "try", *ending, "--json")
    new.call("directory: a service ends", "directory", "set", *ending, *ACTOR, "--json")
    new.call("directory: no such field", "directory", "set", "la", "northshire", "code=1", *ACTOR)
    new.call("directory: no mailbox", "directory", "set", "la", "northshire", "mailbox=none", *ACTOR)
    new.call("directory: nothing waits", "directory", "confirm", "none", "a@b.example=123456", *ACTOR)
    new.call("policy: all", "policy", "--json")
    step = ("ehc_body_advice_respond", "reminder_3_weeks")
    new.call("policy: what it would do", "policy", "try", *step, "distance=4", "--json")
    new.call("policy: a step without a recipient", "policy", "set", *step, "to=", *ACTOR)
    new.call("policy: no such step", "policy", "set", step[0], "none", "distance=4", *ACTOR)
    new.call("policy: a reminder a week later", "policy", "set", *step, "distance=4", *ACTOR, "--json")
    new.call("columns: all", "columns", "--json")
    new.call("columns: a header for two", "columns", "set", "column.la", "Ref", *ACTOR)
    new.call("columns: other words", "columns", "set", "words.yes", "yes", "y", "agreed", *ACTOR, "--json")
    new.call("law watch: all", "law watch", "--json")


def several(team: Installation) -> None:
    """An owner, one act on several cases, views, and who looked at what."""
    assign = ("assign", "NX90010", "admin.team", *ACTOR, "--json")
    team.call("assign: a case", *assign)
    team.call("assign: no such case", "assign", "NX99999", *assign[2:])
    team.call(
        "views: save", "views", "save", "Ours", "--filter", "la=northshire", "--filter", "show=all", *ACTOR, "--json"
    )
    team.call("views: all", "views", *ACTOR, "--json")
    team.call("views: no such filter", "views", "save", "Ours", "--filter", "colour=red", *ACTOR)
    nobody = ("bulk", "assign", "--nobody", "--case", "NX90010", *ACTOR)
    team.call("bulk: tried", *nobody, "--try", "--json")
    team.call("bulk: done", *nobody, "--json")
    team.call("bulk: no case", "bulk", "assign", "--nobody", "--case", "NX99999", *ACTOR)
    wrong = ("--fact", "panel_held", "--on", "2026-02-20", "--case", "NX90010")
    team.call("bulk: refused", "bulk", "record", *wrong, *ACTOR, "--json")
    team.call("views: delete", "views", "delete", "Ours", *ACTOR, "--json")
    team.call("child", "child", "NX90010", "--json")
    team.call("child: no such case", "child", "NX99999", "--json")
    team.call("looks", "looks", "--most", "2", "--json")
    team.call("looks: a day that is none", "looks", "--from", "soon")
    team.call("looks: unusual", "looks", "--unusual", "--json")
    team.call("people", "people", "--json")
    team.call("verifications", "verifications", "--json")
