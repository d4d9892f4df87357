from shortgenius_exporter.simulator.clock import SimulatedClock


class Real:
    """Real time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 77.0

    def __call__(self) -> float:
        return self.seconds


def test_runs_faster_than_real_time() -> None:
    real = Real()
    clock = SimulatedClock(1_000.0, speed=60, real=real)
    assert clock.now() == 1_000.0
    real.seconds += 2
    assert clock.now() == 1_120.0
    assert clock.real_seconds_until(1_180.0) == 1.0


def test_stands_still_and_jumps() -> None:
    real = Real()
    clock = SimulatedClock(1_000.0, speed=0, real=real)
    real.seconds += 9
    clock.jump(5)
    assert clock.now() == 1_005.0
