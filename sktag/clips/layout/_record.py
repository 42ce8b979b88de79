"""How a file must be read."""

from dataclasses import dataclass

from sktag.clips.layout._pieces import Link


@dataclass(frozen=True)
class Layout:
    """The streams that follow each other in a file, and what was wrong with it."""

    links: tuple[Link, ...] = ((),)  # without pieces it is the file as it is
    counts: tuple[int | None, ...] = (None,)  # samples of each link, if counted
    fault: str = ""  # of a file that was mended: what it says, and what it holds
    by_av: bool = False  # libsndfile cannot read it
    is_believed: bool = False  # the header seemed right, so frames were not looked at


AS_IT_IS = Layout()
