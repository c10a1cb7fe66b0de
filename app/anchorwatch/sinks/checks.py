"""What every sink must keep, whatever it talks to: one promise is one function, laid on each file of this folder."""

from collections.abc import Callable, Sequence

from anchorwatch.events import Alert
from anchorwatch.sinks.base import NotNow, Refused, Sink

Make = Callable[[], Sink]
Life = Sequence[Alert]  # firing, acknowledged, recovering, resolved: one alert from first to last


async def check_takes_every_state(make: Make, life: Life) -> None:
    sink = make()
    for alert in life:
        await sink.send([alert])
    await sink.close()


async def check_sending_again_does_no_harm(make: Make, life: Life) -> None:
    sink = make()
    for alert in (life[0], life[0], life[-1], life[-1], life[0]):
        await sink.send([alert])
    await sink.close()


async def check_the_key_stays_for_the_life_of_an_alert(make: Make, life: Life) -> None:
    sink = make()
    assert len({sink.key(alert) for alert in life}) == 1, "states of one alert would overtake each other"
    await sink.close()


async def check_knows_what_was_told_before(make: Make, life: Life) -> None:
    sink = make()
    sink.remember(life[0])
    await sink.beat()
    await sink.send([life[-1]])
    await sink.beat()
    await sink.close()


async def check_closes_twice(make: Make, life: Life) -> None:
    sink = make()
    await sink.send([life[0]])
    await sink.close()
    await sink.close()


async def check_a_dead_receiver_is_only_not_now(make: Make, life: Life) -> None:
    """`make` points where nobody listens: nothing but NotNow may come out, and the sink works afterwards."""
    sink = make()
    for alert in life:
        why = sink.options.name
        try:
            await sink.send([alert])
        except NotNow as error:
            why = str(error)
        except Refused as error:
            raise AssertionError(f"a dead receiver has refused nothing: {error}") from error
        assert sink.options.name in why, "who did not answer must be said"
    await sink.close()


CHECKS = [
    check for name, check in sorted(globals().items()) if name.startswith("check_") and name != "check_a_dead_receiver_is_only_not_now"
]
