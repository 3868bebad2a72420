"""Who is measured, and how each is started."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bench.peer_process import ROOT, Peer

ENVIRONMENTS = ROOT / "bench" / ".venvs"
PEERS = ("langchain", "llamaindex", "haystack", "txtai", "chroma")


@dataclass(frozen=True, slots=True)
class Competitor:
    """A system: its name, its module below `bench.peers` and that one's arguments, where it is installed.

    `index` names the folder it answers from. `answers` says whether questions mean anything; what
    `serves` has a web service.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: str = ""
    index: str = ""
    answers: bool = True
    serves: bool = False

    def start(self) -> Peer:
        """A new process of it. Raises PeerFailed."""
        peer_python = ENVIRONMENTS / self.environment / "bin" / "python"
        python = str(peer_python) if self.environment else sys.executable
        return Peer(self.name, [python, "-m", f"bench.peers.{self.module}", *self.arguments])


PULLQUOTE = Competitor("pullquote", "pullquote", index="pullquote", serves=True)
PLAIN = Competitor("plain", "plain", index="plain")
FORWARD = Competitor("forward pass", "forward", index="forward", answers=False)
WHOLE = Competitor("forward pass, whole", "forward", ("whole",), index="whole", answers=False)
COMPETITORS = (
    PULLQUOTE,
    PLAIN,
    *(Competitor(name, name, environment=name, index=name) for name in PEERS),
    FORWARD,
    WHOLE,
)
