"""Plays what a team does on simulated installations, so that every command is called."""

from pathlib import Path

from tests.contracts import surface
from tests.contracts.access import several, single_sign_on
from tests.contracts.calls import ACTOR, Called, Installation
from tests.contracts.erasures import erasures

CARE = (
    (
        "2026-02-02",
        "continuing_care_referral_received",
        "la=Northshire",
        "body=QX900",
        "came_as=checklist",
        "nhs_number=9990000018",
        "date_of_birth=2010-08-21",
    ),
    ("2026-02-04", "continuing_care_referral_accepted"),
    ("2026-02-05", "assessor_nominated", "body=QX101", "service=community_paediatrics"),
    ("2026-02-09", "continuing_care_assessment_started"),
    ("2026-02-20", "domains_assessed"),
    ("2026-02-25", "recommendation_made", "recommends=eligible", "reason=what the domains show"),
    ("2026-03-05", "panel_held"),
    ("2026-03-05", "continuing_care_agreed", "reason=the level in breathing"),
    ("2026-03-06", "family_told"),
    ("2026-03-10", "personal_health_budget_offered", "answer=taken"),
    ("2026-03-16", "package_started"),
)
DOMAINS = (
    "breathing=severe",
    "eating_and_drinking=low",
    "mobility=low",
    "continence=low",
    "skin=low",
    "communication=low",
    "medicines=low",
    "psychological=low",
    "seizures=low",
    "behaviour=low",
)
TRACKER = (
    "Case ref,Child name,NHS number,DOB,Local authority,LA ref,Request received by LA,LA decision to assess,Assess?,"
    "Health request received,Services asked,Exception,Comments\n"
    "NX90010,Ada Ashgrove,999 123 4500,01/02/2016,Northshire,NS-04413,02/02/2026,09/02/2026,Yes,"
    "16/02/2026,Physiotherapy,School closed,rang\n"
    "our own 7,Bram Ashgrove,,03/04/2017,Northshire,,02/02/2026,09/02/2026,Yes,"
    "16/02/2026,CAMHS,,\n"
    "NX90011,Cleo Ashgrove,,03/04/2017,Northshire,,31/02/2026,,,,,,\n"
)


def play(folder: Path) -> dict[str, Called]:
    """Call every command; return the calls by name."""
    calls: dict[str, Called] = {}
    new = Installation(folder / "new", calls)
    new.call("migrate: new records", "migrate", "--json")
    _without_records(new)
    team = Installation(folder / "team", calls)
    surface.installation(team.home)
    _casework(team)
    _boards(team)
    _letters(team)
    _law(team)
    _people(team)
    _refusals(team)
    _relay(Installation(folder / "relay", calls))
    _servers(team)
    _children(Installation(folder / "children", calls))
    _panel(Installation(folder / "panel", calls))
    return calls


def play_to_the_end(folder: Path, calls: dict[str, Called]) -> None:
    """Damage the records of the team and lose its key, after everything else that looks at them."""
    team = Installation(folder / "team", calls)
    team.today = "2026-06-30"
    team.damage()
    team.call("verify: damaged", "verify", "--json")
    team.call("sweep: a damaged case", "sweep", "--json")
    team.call("findings: open", "findings", "--json")
    team.call("findings: open, in words", "findings")
    team.call("doctor: damaged", "doctor", "--json")
    team.call("doctor: damaged, in words", "doctor")
    team.call("overdue: damaged, in words", "overdue")
    team.call("digest: damaged", "digest", "--json")
    team.call("to decide: answered", "to decide", "answer", "1", "not_ours", "--actor", "dco.team", "--json")
    closing = ("--actor", "it.oncall", "--reason", "a test of the fire alarm")
    team.call("findings: closed without a reason", "findings", "close", "1", *closing[:2], "--json")
    team.call("findings: no such number", "findings", "close", "99", *closing, "--json")
    team.call("findings: closed", "findings", "close", "1", *closing, "--json")
    team.call("findings: closed before", "findings", "close", "1", *closing, "--json")
    team.call("findings: all", "findings", "--all", "--json")
    (team.home / "person.key").unlink()
    team.call("overdue: no key", "overdue", "--json")
    team.call("reset person key: not yet", "reset person key", *ACTOR, "--json")
    team.call("reset person key: done", "reset person key", *ACTOR, "--yes", "--json")


def _without_records(new: Installation) -> None:
    new.call("due", "due", "ehc_body_advice_respond", "--on", "2026-03-02", "--json")
    new.call(
        "due: a further day",
        "due",
        "la_move_transfer_plan",
        "--on",
        "2026-03-02",
        "--given",
        "moved_on=2026-03-20",
        "--json",
    )
    new.call("due: in words", "due", "ehc_body_advice_respond", "--on", "2026-03-02")
    new.call("due: no answer", "due", "ehc_body_advice_respond", "--on", "1900-03-02", "--json")
    new.call("due: unknown rule", "due", "no_such_rule", "--on", "2026-03-02", "--json")
    new.call("due: no such day", "due", "ehc_body_advice_respond", "--on", "2026-02-30", "--json")
    new.call("due: no rule", "due", "--json")
    questions = new.folder / "questions.csv"
    questions.write_text("rule,on,given\nehc_body_advice_respond,2026-03-02,\n", "utf-8")
    new.call("due: questions", "due", "--from", str(questions))
    questions.write_text("rule,on,given\nno_such_rule,2026-03-02,\n", "utf-8")
    new.call("due: questions without an answer", "due", "--from", str(questions))
    new.call("due: no such file", "due", "--from", str(new.folder / "none.csv"))
    new.call("rules", "rules", "--json")
    new.call("processes", "processes", "--json")
    new.call("check", "check", "--json")
    new.call("check: one process", "check", "section23")
    new.call("check: no process", "check", "section24")
    new.call("bodies", "bodies", "--json")
    new.call("explain: a rule", "explain", "ehc_body_advice_respond", "--json")
    new.call("explain: a process", "explain", "section23", "--json")
    new.call("explain: unknown", "explain", "no_such_rule", "--json")
    new.call("explain: a file", "explain", "section23", "--html", str(new.folder / "page.html"), "--json")
    new.call(
        "explain: no such folder", "explain", "section23", "--html", str(new.folder / "none" / "page.html"), "--json"
    )
    new.call("overdue: nothing recorded", "overdue", "--json")
    new.call("confirm clock: of a simulation", "confirm clock", "--actor", "dco.team", "--json")
    new.call("sign in: a link", "sign in", "--account", "dco.team", "--json")
    new.call("sign in: the end of an account's sessions", "sign in", "--account", "dco.team", "--end", "--json")
    new.call("sign in: a name that is no account", "sign in", "--account", "D C O")
    invited = ("invite", "sam.lee", "--to", "sam.lee@icb.example", "--role", "dco")
    new.call("account: an invitation", "account", *invited, *ACTOR, "--json")
    new.call("account: an act that is none", "account", "greet", "sam.lee", *ACTOR)
    new.call("account: a second factor that is none", "account", "remove-second-factor", "sam.lee", *ACTOR)
    new.call("check: every word", "check", "--json")
    new.call("calendar: an address", "calendar", "make", "QX101", *ACTOR)
    new.call("calendar: the end of an address", "calendar", "end", "QX101", *ACTOR, "--json")
    new.call("calendar: all", "calendar", "--json")
    new.call("calendar: no body", "calendar", "make", "QX999", *ACTOR)
    new.call("calendar: nobody who does it", "calendar", "make", "QX101")
    new.call("tokens: one of an account without a role", "tokens", "make", "nobody.here", "--scope", "case", *ACTOR)
    new.call("sign in: a role", "sign in", "--account", "council.system", "--role", "administrator", "--json")
    new.call("tokens: one", "tokens", "make", "council.system", "--scope", "case", *ACTOR, "--json")
    new.call("tokens: a scope that is none", "tokens", "make", "council.system", "--scope", "all", *ACTOR)
    new.call("tokens: none of that id", "tokens", "end", "t-00000000", *ACTOR)
    new.call("tokens: all", "tokens", "--json")
    single_sign_on(new)
    new.call("doctor: an alert without a mailbox", "doctor", "--quick", "--alert", "--json")
    (new.home / "directory.toml").write_text("this is no directory", "utf-8")
    new.call("bodies: a directory that cannot be read", "bodies", "--json")
    (new.home / "directory.toml").unlink()


def _casework(team: Installation) -> None:
    team.call(
        "record: opens a case",
        "record",
        "NX90001",
        "ehc_assessment_requested",
        "--on",
        "2026-02-02",
        "--data",
        "la=Northshire",
        "--data",
        "la_reference=NS-04412",
        "--data",
        "nhs_number=9990000018",
        "--data",
        "date_of_birth=2016-02-01",
        "--also",
        "assessment_agreed",
        *ACTOR,
        "--json",
    )
    team.call(
        "record: in words",
        "record",
        "NX90002",
        "ehc_assessment_requested",
        "--on",
        "2026-02-02",
        "--data",
        "la=Eastmere",
        *ACTOR,
    )
    team.live("NX90002", ("2026-02-03", "assessment_agreed"))
    salt, paeds = ("body=QX101", "service=speech_and_language_therapy"), ("body=QX101", "service=community_paediatrics")
    team.live(
        "NX90001",
        ("2026-03-02", "health_advice_requested", *salt, "note=chased by telephone"),
        ("2026-03-02", "health_advice_requested", *paeds),
        ("2026-03-04", "health_advice_acknowledged", *salt),
        ("2026-03-04", "health_advice_acknowledged", *paeds),
        ("2026-03-05", "excuse_claimed", *paeds, "ground=missed_appointment"),
        ("2026-03-20", "health_advice_received", *paeds),
    )
    team.live("NX90002", ("2026-03-09", "health_advice_requested", "service=physiotherapy"))
    team.call("sweep: an earlier day", "sweep", "--as-at", "2026-03-05", "--json")
    team.today = "2026-03-23"
    team.call("sweep: reminders", "sweep", "--json")
    team.call("deliver: first letters", "deliver", "--now", "--reason", "a contract", "--json")
    team.today = "2026-04-14"
    team.call("case: before the sweep", "case", "NX90001", "--json")
    team.call("sweep", "sweep", "--json")
    team.call("sweep: in words", "sweep")
    team.call("deliver", "deliver", "--now", "--json")
    team.call("case", "case", "NX90001", "--json")
    team.call("case: as at a day", "case", "NX90001", "--as-at", "2026-03-04", "--json")
    team.call("case: as known at an instant", "case", "NX90001", "--known-at", "2026-03-04T23:00:00+00:00", "--json")
    team.call("case: in words", "case", "NX90001")
    team.call("verify: one case", "verify", "NX90001", "--json")


def _boards(team: Installation) -> None:
    for board in ("overdue", "due soon"):
        team.call(board, board, "--json")
        team.call(f"{board}: by body", board, "--by", "body", "--json")
        team.call(f"{board}: by authority", board, "--by", "la", "--json")
        team.call(f"{board}: in words", board)
        team.call(f"{board}: by nothing known", board, "--by", "child", "--json")
    team.call("overdue: a workbook", "overdue", "--xlsx", str(team.folder / "overdue.xlsx"), "--json")
    team.call("overdue: no such folder", "overdue", "--xlsx", str(team.folder / "none" / "overdue.xlsx"), "--json")


def _letters(team: Installation) -> None:
    listed = team.call("letters", "letters", "--json").document
    first = next(each["letter"] for each in listed if each["letter"])
    team.call("ladder: every role and step", "ladder", "--check", "--json")
    team.call("ladder: of no case", "ladder", "NX99999", "--json")
    team.call("ladder: of nothing", "ladder")
    team.call("letters: one", "letters", first, "--json")
    team.call("letters: one, shown", "letters", "show", first, "--html", "--json")
    team.call("letters: none held", "letters", "release", "--json")
    team.call("letters: no such letter", "letters", "20260101-0000000000", "--json")
    team.call("letters: none named", "letters", "show", "--json")
    team.call("replies: none", "replies", "--json")
    team.call("replies: no mailbox", "replies", "read", "--json")
    team.call("replies: no such mail", "replies", "show", "0" * 16, "--actor", "dco.team", "--json")
    team.call("digest", "digest", "--json")
    team.call("log", "log", "--json")
    made = str(team.folder / "case.zip")
    team.call("bundle", "bundle", "NX90001", *ACTOR, "--to", made, "--json")
    team.call("verify bundle", "verify bundle", made, "--json")
    team.call("verify bundle: no such file", "verify bundle", made + "x", "--json")
    several = made.replace(".zip", "-several.zip")
    team.call("bundle cohort", "bundle cohort", "NX90001", *ACTOR, "--to", several, "--json")
    team.call("log: without a name", "log", "rotate", "--json")
    team.call("digest: a day to come", "digest", "--as-at", "2027-04-14", "--json")
    team.call("deliver: a reason alone", "deliver", "--reason", "a contract", "--json")


def _law(team: Installation) -> None:
    statute = (surface.CONFIG / "statute" / "ehc_needs_assessment.toml").read_text("utf-8")
    fewer = statute.replace('text = "20 weeks"\nweeks = 20', 'text = "18 weeks"\nweeks = 18')
    assert fewer != statute
    pack = team.folder / "pack"
    (pack / "statute").mkdir(parents=True)
    (pack / "statute" / "ehc_needs_assessment.toml").write_text(fewer, "utf-8")
    (pack / "pack.toml").write_text('changed = "misread"\n', "utf-8")
    team.call("rule pack dry run", "rule pack dry run", str(pack), "--json")
    team.call("rule pack dry run: no pack", "rule pack dry run", str(team.folder / "none"), "--json")
    team.call("adopt a rule pack: no pack", "adopt a rule pack", *ACTOR, "--json")
    team.call("adopt a rule pack: a person's name", "adopt a rule pack", str(pack), "--actor", "Mary Jones", "--json")
    team.call("rule pack adoptions: none", "rule pack adoptions", "--json")
    team.call("adopt a rule pack", "adopt a rule pack", str(pack), *ACTOR, "--json")
    team.call("adopt a rule pack: again", "adopt a rule pack", str(pack), *ACTOR, "--json")
    team.call("rule pack adoptions", "rule pack adoptions", "--json")
    team.call("rulesets", "rulesets", "--json")
    team.call("adopt a rule pack: what is installed, again", "adopt a rule pack", "--installed", *ACTOR, "--json")


def _people(team: Installation) -> None:
    tracker = team.folder / "tracker.csv"
    tracker.write_text(TRACKER, "utf-8")
    page = str(team.folder / "preview.html")
    team.call("preview", "preview", str(tracker), "--output", page, "--json")
    team.call("preview: no such file", "preview", str(team.folder / "none.csv"), "--output", page, "--json")
    team.call("import: dry run", "import", str(tracker), "--dry-run", "--json")
    team.call("import: some refused", "import", str(tracker), "--json")
    team.call("to decide", "to decide", "--json")
    team.call("to decide: no such number", "to decide", "answer", "99", "corrected", "--actor", "dco.team", "--json")
    team.call("to decide: nobody's answer", "to decide", "answer", "1", "corrected", "--json")
    several(team)
    tracker.write_text("".join(TRACKER.splitlines(keepends=True)[:-1]), "utf-8")
    team.call("import: nothing new", "import", str(tracker), "--json")
    (team.folder / "e.csv").write_text("receiveddate,personbirthdate\n01/01/2026,01/01/2016\nsoon,\n", "utf-8")
    team.call("sen2: an extract", "sen2", str(team.folder / "e.csv"), "--la", "northshire", "--json")
    team.call("import: no such file", "import", str(team.folder / "none.csv"), "--json")
    team.call("import: two files", "import", "one.csv", "two.csv", "--json")
    tracker.write_text("colour,shape\nred,round\n", "utf-8")
    team.call("import: no tracker", "import", str(tracker), "--json")
    team.call("sweep: after the import", "sweep", "--json")
    team.call("letters: held", "letters", "release", "--json")
    team.call("letters: released", "letters", "release", "--yes", "--json")
    team.call("person", "person", "NX90010", *ACTOR, "--purpose", "audit", "--free-text", "--json")
    team.call("person: no words", "person", "NX90001", *ACTOR, "--purpose", "audit", "--json")
    team.call("person: no purpose", "person", "NX90001", *ACTOR, "--purpose", " ", "--json")
    team.call("person: no such case", "person", "NX99999", *ACTOR, "--purpose", "audit", "--json")
    erasures(team)
    team.call("person: erased", "person", "NX90010", *ACTOR, "--purpose", "audit", "--free-text", "--json")
    team.call("reset person key: not lost", "reset person key", *ACTOR, "--yes", "--json")
    care = [(*fact, *DOMAINS) if fact[1] == "domains_assessed" else fact for fact in CARE]
    team.live("CC90001", *care, ("2026-06-10", "continuing_care_reviewed", "outcome=continues"), today="2026-06-30")
    team.live("AR90001", ("2026-06-15", "plan_made", "la=Northshire", "linked_to=CC90001"), today="2026-06-30")
    team.call("joint review", "joint review", "CC90001", "AR90001", "--json")
    team.call("joint review: no review", "joint review", "CC90001", "NX90001", "--json")
    team.call("joint review: no such case", "joint review", "CC90001", "NX99999", "--json")
    team.call("case: continuing care", "case", "CC90001", "--json")


def _relay(team: Installation) -> None:
    """Import late cases where letters reach people, which no simulated day allows.

    The letters wait until a person releases them.
    """
    surface.installation(team.home)
    team.today = ""
    tracker = team.folder / "tracker.csv"
    tracker.write_text("".join(TRACKER.splitlines(keepends=True)[:2]).replace("/2026", "/2024"), "utf-8")
    team.call("confirm clock: of a real installation", "confirm clock", "--actor", "it.oncall", "--json")
    team.call("import: by a relay", "import", str(tracker), "--json", SENDFLOW_CARRIER="file")
    team.call("letters: held for a relay", "letters", "release", "--json", SENDFLOW_CARRIER="file")
    team.call("letters: released to a relay", "letters", "release", "--yes", "--json", SENDFLOW_CARRIER="file")


def _refusals(team: Installation) -> None:
    on = ("--on", "2026-06-30")
    team.call("record: not lawful now", "record", "NX90002", "ehc_assessment_requested", *on, *ACTOR, "--json")
    team.call("record: no such fact", "record", "NX90002", "no_such_fact", *on, *ACTOR, "--json")
    team.call(
        "record: no such particular",
        "record",
        "NX90002",
        "draft_plan_received",
        *on,
        "--data",
        "colour=red",
        *ACTOR,
        "--json",
    )
    team.call(
        "record: a person's name", "record", "NX90002", "draft_plan_received", *on, "--actor", "Mary Jones", "--json"
    )
    team.call(
        "record: a day to come", "record", "NX90002", "draft_plan_received", "--on", "2027-06-30", *ACTOR, "--json"
    )
    team.call("record: no day", "record", "NX90002", "draft_plan_received", "--on", "30/06/2026", *ACTOR, "--json")
    team.call("record: no actor", "record", "NX90002", "draft_plan_received", *on, "--json")
    team.call("case: no such case", "case", "NX99999", "--json")
    team.call("case: no such day", "case", "NX90001", "--as-at", "2026-02-30", "--json")
    team.call("case: no instant", "case", "NX90001", "--known-at", "yesterday", "--json")
    team.call("sweep: a day to come", "sweep", "--as-at", "2027-04-14", "--json")
    team.call("verify", "verify", "--json")
    team.call("verify: no reference", "verify", "the first case", "--json")
    team.call("verify: no such case", "verify", "NX99999", "--json")
    team.call("overdue: no such option", "overdue", "--colour", "red", "--json")
    team.call("overdue: a setting that cannot be used", "overdue", "--json", SENDFLOW_PORT="none")
    team.call("overdue: a folder that cannot be made", "overdue", "--json", SENDFLOW_HOME="/proc/none")
    team.call("deliver: a rehearsal by a relay", "deliver", "--json", SENDFLOW_CARRIER="smtp")


def _servers(team: Installation) -> None:
    team.call("migrate: as they were", "migrate", "--json")
    team.call("migrate: a setting that cannot be used", "migrate", "--json", SENDFLOW_PORT="none")
    team.call("deployments", "deployments", "--json", stub=surface.registering())
    team.call("deployments: no server", "deployments", "--json", SENDFLOW_API_URL="http://127.0.0.1:9/api")
    team.call("deployments: too long a wait", "deployments", "--wait", "601", "--json")
    team.call("copy to PostgreSQL", "copy to PostgreSQL", "--json", stub=surface.copying())
    team.call("copy to PostgreSQL: no database named", "copy to PostgreSQL", "--json")
    team.call("run a service: unknown", "run a service", "kettle")
    team.call("run a service: a setting that cannot be used", "run a service", "scheduler", SENDFLOW_PORT="none")
    team.call("up: a server elsewhere", "up", SENDFLOW_API_URL="https://prefect.example/api")
    team.call("up: a setting that cannot be used", "up", SENDFLOW_PORT="none")
    team.call("up: no such option", "up", "--colour")


def _children(two: Installation) -> None:
    two.today = "2026-06-30"
    for case in ("NX90001", "NX90002"):
        two.live(case, ("2026-02-02", "ehc_assessment_requested", "la=Northshire"), today=two.today)
    together, apart = ("NX90002", "--with", "NX90001", *ACTOR), ("NX90002", "--from", "NX90001", *ACTOR)
    two.call("join: asks first", "join", *together, "--json")
    two.call("join", "join", *together, "--confirm-child", "--json")
    two.call("part: asks first", "part", *apart, "--json")
    two.call("part", "part", *apart, "--confirm-child", "--json")
    two.call("part: nothing to part", "part", *apart, "--confirm-child", "--json")
    two.call("part: no such case", "part", "NX99999", "--from", "NX90001", *ACTOR, "--json")


def _panel(team: Installation) -> None:
    """A sitting with an item about a package."""
    package = ("2026-06-01", "package_proposed", "la=Northshire", "la_reference=NS-04415")
    line = ("2026-06-01", "line_proposed", "item=line_1", "basis=section_g", "unit_cost_pence=£50", "shares=health=100")
    team.live("PK90001", package, line, today="2026-06-30")
    sitting = ("2026-06-15", "sitting_called", "panel=continuing_care", "sits_on=2026-06-24")
    item = ("2026-06-16", "item_listed", "item=item_1", "question=health_package", "about_case=PK90001")
    team.live("PS90001", sitting, item, today="2026-06-30")
    team.call("case: a package", "case", "PK90001", "--json")
    team.call("case: a sitting", "case", "PS90001", "--json")
    team.call("papers", "papers", "PS90001", "--json")
    team.call("papers: one brief", "papers", "PS90001", "--item", "item_1", "--json")
    team.call("papers: no such item", "papers", "PS90001", "--item", "item_9", "--json")
    team.call("papers: no sitting", "papers", "PK90001", "--json")
    approved = ("2026-06-20", "package_approved", "approver=icb_commissioner", "trial_until=2026-08-31")
    team.live("PK90001", approved, today="2026-06-30")
    team.call("register: panels", "register", "panels", "--json")
    team.call("register: approvals", "register", "approvals", "--json")
    team.call("register: packages due", "register", "packages_due", "--json")
    team.call("register: no such list", "register", "nothing", "--json")
    _audit(team)


def _audit(team: Installation) -> None:
    """A round of audits whose sample is drawn again."""
    opened = ("2026-06-01", "audit_opened", "audit_tool=health_advice_1")
    drawn = (
        "2026-06-02",
        "sample_drawn",
        "from_on=2026-01-01",
        "to_on=2026-05-31",
        "seed=summer",
        "size=1",
        "strata=la",
    )
    team.live("PA90001", opened, drawn, today="2026-06-30")
    team.call("case: a round of audits", "case", "PA90001", "--json")
    team.call("sample", "sample", "PA90001", "--json")
    child = ("nhs_number=9990000018", "date_of_birth=2010-02-09")
    team.live("TR90001", ("2026-06-01", "transition_opened", "la=Northshire", *child), today="2026-06-30")
    team.call("transitions", "transitions", "--json")
    referred = ("2026-06-01", "dsr_referred", "la=Northshire", "referred_by=family", *child)
    agreed = ("2026-06-02", "dsr_consent_given", "given_by=parent", "sharing=yes")
    team.live("DS90001", referred, agreed, today="2026-06-30")
    team.call("register", "register", "dynamic_support", "--json")
    team.call("register: their names", "register", "--json")
    team.call("register: none of that name", "register", "nothing")
    team.call("sample: none drawn", "sample", "PK90001", "--json")
