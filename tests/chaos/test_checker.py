"""The checker finds every fault that is planted in records which are otherwise in order, and names its kind."""

import pytest

from tests.chaos.checker import FAULTS, Arrival, Delivery, Stored, Told, Tried, judge

ENDPOINTS = {"north": {"/north/1", "/north/2"}, "south": {"/south/1"}}
EVENTS = {"north": [f"n{number}" for number in range(10)], "south": [f"s{number}" for number in range(5)]}
VICTIM = ("north", "n4", "/north/2")


class Records:
    """A campaign in which nothing went wrong: one worker was lost with one delivery, one request was answered late."""

    def __init__(self):
        self.told = Told()
        self.arrivals = []
        self.stored = Stored()
        for org, events in EVENTS.items():
            for event in events:
                self.told.sent[org, event] = self.stored.events[org, event] = f'{{"id":"{event}"}}'
                self.told.accepted[org, event] = None
                for path in sorted(ENDPOINTS[org]):
                    self.arrivals.append(Arrival(org, path, event, f'{{"id":"{event}"}}'))
                    self.stored.deliveries[org, event, path] = Delivery("delivered", [Tried("delivered")])
        self.arrive_again("north", "n7", "/north/1")
        self.stored.deliveries["north", "n7", "/north/1"].attempts[0] = Tried("delivered", reclaimed=True)
        self.arrive_again("south", "s1", "/south/1")
        self.stored.deliveries["south", "s1", "/south/1"].attempts.insert(0, Tried("failed"))
        # Sent, never answered and not stored: nobody was promised anything.
        self.told.sent["north", "unanswered"] = "{}"

    def arrive_again(self, org, event, path):
        self.arrivals.append(Arrival(org, path, event, self.told.sent[org, event]))

    def drop_arrivals(self, org, event, path):
        self.arrivals = [one for one in self.arrivals if (one.org, one.event, one.path) != (org, event, path)]

    def replace_arrival(self, **changes):
        place = next(at for at, one in enumerate(self.arrivals) if (one.org, one.event, one.path) == VICTIM)
        old = self.arrivals[place]
        given = {"org": old.org, "path": old.path, "event": old.event, "data": old.data} | changes
        self.arrivals[place] = Arrival(**given)

    def judge(self, in_flight=1):
        return judge(ENDPOINTS, self.told, self.arrivals, self.stored, in_flight=in_flight)


def forget_event(records):
    del records.stored.events["north", "n4"]


def forget_everything_about_it(records):
    forget_event(records)
    for path in ENDPOINTS["north"]:
        del records.stored.deliveries["north", "n4", path]
        records.drop_arrivals("north", "n4", path)


def never_arrive(records):
    records.drop_arrivals(*VICTIM)


def arrive_unsent(records):
    records.arrivals.append(Arrival("north", "/north/1", "nobody-sent-this", "{}"))


def store_unsent(records):
    records.stored.events["south", "nobody-sent-this"] = "{}"
    records.stored.deliveries["south", "nobody-sent-this", "/south/1"] = Delivery("delivered", [Tried("delivered")])


def arrive_at_another_tenant(records):
    records.arrivals.append(Arrival("south", "/south/1", "n4", records.told.sent["north", "n4"]))


def store_for_another_tenant(records):
    records.stored.events["south", "n4"] = records.told.sent["north", "n4"]
    records.stored.deliveries["south", "n4", "/south/1"] = Delivery("delivered", [Tried("delivered")])


def change_body(records):
    records.replace_arrival(data='{"id":"n5"}')


def change_stored_body(records):
    records.stored.events["north", "n4"] = '{"id":"n5"}'


def spoil_signature(records):
    records.replace_arrival(signed=False)


def arrive_twice_unmarked(records):
    records.arrive_again(*VICTIM)


def arrive_oftener_than_attempts_failed(records):
    records.arrive_again("south", "s1", "/south/1")


def arrive_again_marked_but_not_in_flight(records):
    records.arrive_again(*VICTIM)
    records.stored.deliveries[VICTIM].attempts[0] = Tried("delivered", reclaimed=True)


def skip_an_endpoint(records):
    del records.stored.deliveries[VICTIM]


def stay_pending(records):
    records.stored.deliveries[VICTIM] = Delivery("pending", [Tried("failed")])


def stay_held(records):
    records.stored.deliveries[VICTIM] = Delivery("held")


def give_up(records):
    records.stored.deliveries[VICTIM] = Delivery("exhausted", [Tried("failed")])


def let_a_late_result_win(records):
    records.stored.deliveries[VICTIM].attempts.append(Tried("delivered"))


def fence_the_only_success(records):
    records.stored.deliveries[VICTIM].attempts = [Tried("delivered", fenced=True)]


def answer_wrongly(records):
    records.told.wrong_answers.append("n4: 500")


PLANTED = [
    (forget_event, "lost"),
    (forget_everything_about_it, "lost"),
    (never_arrive, "lost"),
    (arrive_unsent, "phantom"),
    (store_unsent, "phantom"),
    (arrive_at_another_tenant, "wrong tenant"),
    (store_for_another_tenant, "wrong tenant"),
    (change_body, "changed body"),
    (change_stored_body, "changed body"),
    (spoil_signature, "bad signature"),
    (arrive_twice_unmarked, "unmarked duplicate"),
    (arrive_oftener_than_attempts_failed, "unmarked duplicate"),
    (arrive_again_marked_but_not_in_flight, "too many duplicates"),
    (skip_an_endpoint, "unaccounted"),
    (stay_pending, "stuck"),
    (stay_held, "stuck"),
    (give_up, "regressed"),
    (let_a_late_result_win, "regressed"),
    (fence_the_only_success, "regressed"),
    (answer_wrongly, "wrong answer"),
]


def test_records_in_order_have_no_fault():
    verdict = Records().judge()
    assert verdict.fine, verdict
    assert (verdict.accepted, verdict.unknown, verdict.doubled, verdict.reclaimed) == (15, 1, 2, 1)


@pytest.mark.parametrize(("plant", "kind"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_fault_is_found_and_named(plant, kind):
    records = Records()
    plant(records)
    verdict = records.judge()
    assert set(verdict.faults) == {kind}, verdict


def test_every_kind_of_fault_is_planted():
    assert {kind for _, kind in PLANTED} == FAULTS.keys()


@pytest.mark.parametrize(
    ("events", "place"), [(["s4", "s3"], "end"), (["n0", "n1"], "start"), (["n4", "n5"], "middle")]
)
def test_losses_are_placed_in_the_order_of_acceptance(events, place):
    records = Records()
    for event in events:
        del records.stored.events["north" if event.startswith("n") else "south", event]
    assert records.judge().places == {place: 2}
