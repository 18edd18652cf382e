"""rules: the catalogue, what is left out of it, and what it is asked by."""

from __future__ import annotations

from lumbung.choices import Format
from lumbung.files import load_regulations
from lumbung.printing import show
from lumbung.session import Session
from lumbung.settings import SettingsError, find_settings, load_settings
from planner.risks.catalogue import RULES, Language, absent, texts_of
from planner.risks.regulations import Regulations
from planner.risks.rule import Rule

_COLUMNS = (
    "id", "severity", "group", "subject", "title", "sources", "controls", "why", "fix", "profile",
)  # fmt: skip
_ON_SCREEN = ("id", "severity", "profile", "subject", "title", "controls")


def show_rules(session: Session, lang: Language, form: Format) -> None:
    """The catalogue of rules, and the profile of the policy from which on each is asked."""
    controls = _regulations(session).citations(session.now().date())
    rows = [_line(rule, lang, controls.get(rule.id, ())) for rule in RULES]
    show(_COLUMNS, rows, form, on_screen=_ON_SCREEN)


def _line(rule: Rule, lang: Language, controls: tuple[str, ...]) -> list[str]:
    texts = texts_of(rule, lang)
    return [
        rule.id,
        rule.severity,
        rule.group,
        rule.subject,
        texts.title,
        ";".join(rule.sources) or "all",
        "; ".join(controls),
        texts.why,
        texts.fix,
        "essential" if rule.essential else "full",
    ]


def _regulations(session: Session) -> Regulations:
    """The packs as configured; the shipped ones where there is no configuration yet."""
    try:
        path = find_settings(session.config)
    except SettingsError:
        if session.config is not None:
            raise
        return load_regulations()
    return load_regulations(load_settings(path).regulations_folder)


def show_absent(form: Format) -> None:
    """The rules that an expert would expect and that cannot be had, with the reasons."""
    rows = [[one.id, one.title, one.reason] for one in absent()]
    show(("id", "title", "reason"), rows, form, empty="no rule is missing")
