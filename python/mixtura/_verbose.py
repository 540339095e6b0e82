"""Messages of a fit on its way, as scikit-learn prints them, and of a choice."""

from time import time
from typing import Any


class Verbose:
    """Prints restarts, and epochs at an interval; from level 2 on with times and changes."""

    def __init__(self, level: int, interval: int) -> None:
        self.detailed = level >= 2
        self.interval = interval
        self.begun = self.last = time()

    def begin(self, restart: int) -> None:
        """Print that a restart begins."""
        print(f"Initialization {restart}")
        self.begun = self.last = time()

    def epoch(self, epoch: int, change: float) -> None:
        """Print that an epoch is over, if it is its turn."""
        if epoch % self.interval:
            return
        if not self.detailed:
            print(f"  Iteration {epoch}")
            return
        now = time()
        print(f"  Iteration {epoch}\t time lapse {now - self.last:.5f}s\t ll change {change:.5f}")
        self.last = now

    def end(self, lower_bound: float, converged: bool) -> None:
        """Print how a restart ended."""
        outcome = "converged" if converged else "did not converge"
        if self.detailed:
            lapse = time() - self.begun
            print(f"Initialization {outcome}. time lapse {lapse:.5f}s\t lower bound {lower_bound:.5f}.")
        else:
            print(f"Initialization {outcome}.")


class VerboseSelection:
    """Prints candidates as they are over, each with a criterion; from level 2 on with times."""

    def __init__(self, level: int, criterion: str) -> None:
        self.detailed = level >= 2
        self.criterion = criterion

    def __call__(self, candidate: dict[str, Any]) -> None:
        """Print what became of a candidate."""
        score = candidate["score"]
        if score is None:
            outcome = candidate["reason"] or f"no {self.criterion}"
        else:
            outcome = f"{self.criterion} {score:.2f}, {candidate['n_iter']} epochs"
        lapse = f"\t time lapse {candidate['seconds']:.5f}s" if self.detailed else ""
        print(f"{candidate['covariance_type']}, {candidate['n_components']} components: {outcome}{lapse}")
