"""The names of the five colours, which xmp:Label keeps as free text in some language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qpt_app.decisions.decision import Label

RECOGNISED: Final[dict[Label, frozenset[str]]] = {
    Label.RED: frozenset(
        {"red", "rot", "rouge", "rojo", "rosso", "vermelho", "rood", "röd", "rød", "czerwony"}
        | {"červená", "красный", "赤", "レッド", "红色", "紅色", "빨강", "빨간색", "select"}
    ),
    Label.YELLOW: frozenset(
        {"yellow", "gelb", "jaune", "amarillo", "giallo", "amarelo", "geel", "gul", "żółty"}
        | {"žlutá", "жёлтый", "желтый", "黄", "イエロー", "黄色", "노랑", "노란색", "second"}
    ),
    Label.GREEN: frozenset(
        {"green", "grün", "vert", "verde", "groen", "grön", "grønn", "grøn", "zielony"}
        | {"zelená", "зелёный", "зеленый", "緑", "グリーン", "绿色", "綠色", "초록", "녹색"}
        | {"approved"}
    ),
    Label.BLUE: frozenset(
        {"blue", "blau", "bleu", "azul", "blu", "blauw", "blå", "niebieski", "modrá", "синий"}
        | {"青", "ブルー", "蓝色", "藍色", "파랑", "파란색", "review"}
    ),
    Label.PURPLE: frozenset(
        {"purple", "violet", "lila", "violett", "pourpre", "púrpura", "morado", "viola", "roxo"}
        | {"paars", "lilla", "fioletowy", "fialová", "фиолетовый", "紫", "パープル", "紫色"}
        | {"보라", "보라색", "magenta", "to do"}
    ),
}
"""Names in lower case: Lightroom's and digiKam's colours in common languages, Bridge's defaults
(Select, Second, Approved, Review, To Do)."""

_BY_NAME: Final = {name: label for label, names in RECOGNISED.items() for name in names}


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelNames:
    """What is written into xmp:Label for each colour; it must match the other program's."""

    red: str = "Red"
    yellow: str = "Yellow"
    green: str = "Green"
    blue: str = "Blue"
    purple: str = "Purple"

    def __post_init__(self) -> None:
        names = [self.name_of(label).strip().casefold() for label in Label]
        if "" in names or len(set(names)) < len(names):
            raise ValueError("the five label names must be different and not empty")

    def name_of(self, label: Label) -> str:
        """Return the text for a colour."""
        return str(getattr(self, label.value))

    def label_of(self, text: str) -> Label | None:
        """Return the colour that a text names, ours first; None for any other text."""
        wanted = text.strip().casefold()
        for label in Label:
            if self.name_of(label).strip().casefold() == wanted:
                return label
        return _BY_NAME.get(wanted)
