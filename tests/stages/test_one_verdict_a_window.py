"""A rule that changes its mind within one window: alerting hears the last word, findings keep both."""

from tests.traffic import T0, flag, in_order, loan_drive, traffic


def test_a_flag_off_and_on_within_a_window_leaves_no_alert_open() -> None:
    flags = [flag(T0 + 2_100, "off"), flag(T0 + 2_600, "on")]

    heard = loan_drive().feed(in_order([*traffic(2_000), *flags])).end(T0 + 4_500)

    assert [(finding.name, finding.verdict) for finding in heard.findings] == [("ModelSwitchedOff", "exact"), ("ModelSwitchedOff", "quiet")]
    assert [(alert.labels["severity"], alert.state) for alert in heard.alerts] == [("info", "firing"), ("info", "resolved")]


def test_a_flag_on_and_off_within_a_window_leaves_its_alert_firing() -> None:
    flags = [flag(T0 + 1_100, "off"), flag(T0 + 2_100, "on"), flag(T0 + 2_600, "off")]

    heard = loan_drive().feed(in_order([*traffic(2_000), *flags])).end(T0 + 4_500)

    assert [(alert.labels["alertname"], alert.state) for alert in heard.alerts] == [("ModelSwitchedOff", "firing")]
