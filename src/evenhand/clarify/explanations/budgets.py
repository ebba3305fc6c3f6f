"""Budgets: how many coalitions Clarify asks for each instance."""


def samples_of(players: int, num_samples: int | None = None) -> int:
    """min(num_samples, 2^M − 2) for M players, where num_samples is 2M + 2048 unless it is set."""
    wanted = 2 * players + 2048 if num_samples is None else num_samples
    return min(wanted, (1 << players) - 2)


def evaluations(num_samples: int | None, players: int) -> int:
    """The budget that an explainer is given: as many coalitions as Clarify asks for, and at least 2."""
    return max(samples_of(players, num_samples), 2)
