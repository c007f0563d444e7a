"""What `generate_design` returns."""

from __future__ import annotations

from data_integration_architect.errors import UnknownName
from data_integration_architect.results import DesignCheck, Finding, Recommendation, Result

SECTIONS = ("topology", "document", "phases")
FILES = "files"


class Decision(Result):
    """A recommendation and what carrying it out meant."""

    recommendation: Recommendation
    done: str


class AppliedFix(Result):
    finding: str
    fix: str


class Phase(Result):
    name: str
    what: str
    entry: str
    exit: str
    verification: str
    rollback: str
    topology: str
    """The system while the phase lasts, as YAML."""
    findings: tuple[Finding, ...]
    """Definite findings of medium or above on that system."""
    new: tuple[str, ...]
    """Fingerprints of those that are not there today."""


class DesignResult(Result):
    applicable: bool
    topology: str
    """The target topology as YAML."""
    document: str
    """The design document in Markdown."""
    decisions: tuple[Decision, ...]
    fixes: tuple[AppliedFix, ...]
    """Fixes applied to what the recommendations alone left."""
    remaining: tuple[Finding, ...]
    """Definite findings on the target."""
    conditional: tuple[Finding, ...]
    """Findings on the target that rest on unsaid facts."""
    phases: tuple[Phase, ...]
    checks: tuple[DesignCheck, ...] = ()
    """Properties that fail today, checked on the target and in each phase."""
    files: tuple[str, ...] = ()
    """Paths of the delivered files, where they were asked for or written."""
    text: str = ""
    """The file that was asked for, or what writing did."""

    def section(self, name: str | None) -> DesignResult:
        """This design with only one of its long parts filled. Raises: UnknownName."""
        if name is None:
            return self
        if name not in (*SECTIONS, FILES):
            raise UnknownName("section", name, (*SECTIONS, FILES))
        empty: dict[str, object] = {"topology": "", "document": "", "phases": ()}
        return self.model_copy(update={part: value for part, value in empty.items() if part != name})

    def _checked(self) -> list[str]:
        """One line for what the model checker saw of the target; the rest is in the document."""
        if not self.checks:
            return []
        verdicts = [check.target.verdict if check.target is not None else "gone" for check in self.checks]
        counts = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(sorted(verdicts)))
        bounds = self.checks[0].today.bounds
        return [
            f"Checked in the target: of {len(verdicts)} properties that fail today: {counts} (up to {bounds.writes} "
            f"writes and {bounds.faults} faults in a run; section document has all)"
        ]

    def _violated(self, is_definite: bool) -> list[str]:
        """`convergence of search (product)` for what the target violates as stated, or under unsaid facts only."""
        found = [one for check in self.checks if (one := check.left(is_definite))]
        return list(
            dict.fromkeys(
                f"{one.property} of {one.target}" + (f" ({one.entity})" if one.entity else "") for one in found
            )
        )

    def phases_text(self) -> str:
        """The phases without their topologies."""
        lines = []
        for phase in self.phases:
            lines += [f"## {phase.name}", phase.what, f"Entry: {phase.entry}", f"Exit: {phase.exit}"]
            lines += [f"Verification: {phase.verification}", f"Rollback: {phase.rollback}"]
            lines.append(f"New findings while it lasts: {len(phase.new)}")
        return "\n".join(lines) or "Nothing has to change."

    def short_text(self) -> str:
        """What a model needs to know of the design, in a few lines."""
        if not self.applicable:
            return "No integration to design: one database covers what is described. The target is the present system."
        lines = ["Target judged again by the same rules:"]
        lines += [f"- {d.recommendation.from_} to {d.recommendation.to}: {d.done}" for d in self.decisions]
        lines += [f"- fix {f.fix} for {f.finding}" for f in self.fixes]
        left = [f"{f.severity} {f.id}: {f.summary}" for f in self.remaining]
        lines.append(f"Remaining definite findings: {len(left)}" + (":" if left else ""))
        lines += [f"- {line}" for line in left]
        broken, unsure = self._violated(True), self._violated(False)
        checked = f", {len(unsure)} violated properties" if self.checks else ""
        if self.checks:
            lines.append(f"Violated in the model of the target: {len(broken)}" + (":" if broken else ""))
            lines += [f"- {words}" for words in broken]
        lines.append(f"Resting on unsaid facts: {len(self.conditional)} findings{checked}")
        lines += self._checked()
        lines.append("Phases: " + (", ".join(phase.name for phase in self.phases) or "none"))
        return "\n".join(lines)
