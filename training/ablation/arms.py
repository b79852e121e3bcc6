"""The arms: what each reads and learns beside the words of the literature. Everything else is the same for all.

An arm's settings are those of the ablation, less the objectives that it does without, with the seed. All arms have the
tokenizer of the corpus that tells the graph, and the same first weights of the encoder for a seed: the encoder is made before any
head. Each step reads the same number of rows; link prediction from names reads names on top, and
no report counts their tokens: arms with it read more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pipeline.errors import MateriaError
from training.objectives.config import LINK_OBJECTIVES

if TYPE_CHECKING:
    from training.ablation.config import AblationConfig
    from training.config import PretrainingConfig

__all__ = ["ARMS", "SEVEN", "Arm", "CorpusSpec", "arm_of", "check_arms"]


class CorpusSpec(NamedTuple):
    """Which corpus an arm reads.

    Attributes:
        name: literature, told or shuffled.
        ratio: words of verbalized passages for each word of literature, by repeating or leaving out; None: as they are.
        seed: of the shuffle.
    """

    name: str
    ratio: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Arm:
    """One thing to compare.

    Attributes:
        what: for people.
        corpus: literature, told, or shuffled; a shuffled corpus goes with the triples of the same shuffle.
        links: learns link prediction.
        relations: learns to classify relations.
        trained: else the first weights are left as they are.
        alternating: tasks take turns, where other arms serve all in every step.
        mentioned: triples of a step are drawn among those of entities that it mentions.
        ratio: words of told facts for each word of literature; None: that of the ablation.
    """

    what: str
    corpus: Literal["literature", "told", "shuffled"] = "literature"
    links: bool = False
    relations: bool = False
    trained: bool = True
    alternating: bool = False
    mentioned: bool = False
    ratio: float | None = None

    @property
    def knows_graph(self) -> bool:
        """Whether it learns from triples."""
        return self.links or self.relations

    def spec(self, config: AblationConfig, seed: int) -> CorpusSpec:
        """The corpus it reads."""
        if self.corpus == "literature":
            return CorpusSpec("literature")
        return CorpusSpec(self.corpus, self.ratio or config.ratio, seed if self.corpus == "shuffled" else None)

    def settings(self, base: PretrainingConfig, seed: int) -> PretrainingConfig:
        """How it is trained."""
        left_out = [*([] if self.links else LINK_OBJECTIVES), *([] if self.relations else ["relation_classification"])]
        objectives = {name: base.objectives.section(name).model_copy(update={"weight": 0.0}) for name in left_out}
        changed: dict[str, object] = {"seed": seed, "objectives": base.objectives.model_copy(update=objectives)}
        if self.alternating:
            changed["schedule"] = base.schedule.model_copy(update={"turns": "alternating"})
        if self.mentioned:
            changed["data"] = type(base.data).model_validate(base.data.model_dump() | {"drawing": "mentioned"})
        return base.model_copy(update=changed)


_ALL: Final = Arm(
    "literature, told facts, link prediction and relation classification", "told", links=True, relations=True
)

#: Arms by name.
ARMS: Final[dict[str, Arm]] = {
    "untrained": Arm("the first weights", trained=False),
    "text": Arm("literature alone"),
    "verbalized": Arm("literature and told facts", "told"),
    "links": Arm("literature, and link prediction", links=True),
    "relations": Arm("literature, and relation classification", relations=True),
    "all": _ALL,
    "all_shuffled": replace(_ALL, what="as all, with a shuffled graph", corpus="shuffled"),
    "all_alternating": replace(_ALL, what="as all, tasks in turn instead of together", alternating=True),
    "all_mentioned": replace(_ALL, what="as all, with the triples of entities that a step mentions", mentioned=True),
}
#: Those that are compared where nothing is said.
SEVEN: Final = ("untrained", "text", "verbalized", "links", "relations", "all", "all_shuffled")


def arm_of(name: str) -> Arm:
    """The arm of a name; `all@0.25` is `all` with a quarter word of told facts for each word of literature."""
    head, _, ratio = name.partition("@")
    arm = ARMS[head]
    return (
        replace(arm, what=f"{arm.what}, {ratio} words of facts to 1 of literature", ratio=float(ratio))
        if ratio
        else arm
    )


def check_arms(config: AblationConfig) -> None:
    """Refuse arms that make no sense with the settings, before anything is read.

    Raises:
        MateriaError: names the arm.
    """
    from training.combination import check_combination

    for name in config.arms:
        arm = arm_of(name)
        weights = check_combination(arm.settings(config.pretraining, config.seeds[0]))
        lacking = [
            what
            for what, wanted, has in (
                ("link prediction", arm.links, any(one in weights for one in LINK_OBJECTIVES)),
                ("relation classification", arm.relations, "relation_classification" in weights),
            )
            if wanted and not has
        ]
        if lacking:
            raise MateriaError(
                f"the arm {name} learns {lacking[0]}, and pretraining.objectives gives it no weight",
                remedy="Give it a weight, or leave out the arm",
            )
