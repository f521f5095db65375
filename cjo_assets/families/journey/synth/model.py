"""The world of generated journeys as arrays for the simulation."""

import numpy as np

from cjo_assets.families.journey.synth.world import Chances, World


class Model:
    """The world as arrays that a step can look things up in."""

    def __init__(self, world: World, chances: Chances, weekly_signals: float) -> None:
        """Convert the world to arrays.

        Args:
            world: the truth.
            chances: its weekly chances.
            weekly_signals: signals of a quiet week in a stage of rate 1.
        """
        self.world, self.chances = world, chances
        self.cumulative_shares = np.cumsum([segment.share for segment in world.segments.values()])
        stages = list(world.stages.values())
        self.first_stage = chances.stages.index(world.first_stage)
        self.signal_rate = weekly_signals * np.array([stage.signal_rate for stage in stages])
        self.negative_share = np.array([stage.negative_share for stage in stages])
        negative = sorted({name for stage in stages for name in stage.negative_types})
        self.types = (*negative, *world.positive_types)
        self.negative_types = [np.array([negative.index(name) for name in stage.negative_types]) for stage in stages]
        shape = len(world.segments), len(stages), len(self.types), len(world.playbooks)
        self.fits = np.zeros(shape, dtype=bool)
        for number, playbook in enumerate(world.playbooks):
            stage = chances.stages.index(playbook.journey_stage)
            for i, segment in enumerate(chances.segments):
                for name in playbook.trigger_signals:
                    self.fits[i, stage, self.types.index(name), number] = playbook.is_for(segment)
        self.triggers = np.asarray(self.fits.any(axis=(0, 1)))
        self.recovery_factor = np.array([playbook.recovery_factor for playbook in world.playbooks])
        self.trouble_factor = np.array([playbook.trouble_factor for playbook in world.playbooks])
        self.is_asked = np.array([playbook.approval_required for playbook in world.playbooks])
        self.value_range = np.array([playbook.value_range for playbook in world.playbooks])
        self.success = np.array(
            [[world.success_probability(playbook, name) for name in world.segments] for playbook in world.playbooks]
        )


def expected_signal_weight(world: World, chances: Chances, weeks: int) -> float:
    """Return how many signals a customer would have, were there one in a quiet week of rate 1.

    Customers begin on any day of the weeks, so one week later there is one week less to live.
    """
    rates = np.array([stage.signal_rate for stage in world.stages.values()])
    uplift = 1 + world.distress_share * (world.distress_signals - 1)
    total = 0.0
    for i, segment in enumerate(world.segments.values()):
        alive = np.zeros(chances.weekly.shape[1:3])
        alive[chances.stages.index(world.first_stage), 0] = 1.0
        for week in range(weeks):
            still_to_see = (weeks - week - 0.5) / weeks
            moves = alive[:, :, None] * chances.weekly[i]
            # Customers who move do so on average in the middle of the week.
            present = alive.sum(axis=1) - moves.sum(axis=(1, 2)) / 2
            total += segment.share * uplift * still_to_see * float(present @ rates)
            staying = alive - moves.sum(axis=2)
            alive = np.zeros_like(alive)
            alive[:, 1:] = staying[:, :-1]
            alive[:, -1] += staying[:, -1]
            alive[:, 0] += moves.sum(axis=(0, 1))[: len(rates)]
    return total
