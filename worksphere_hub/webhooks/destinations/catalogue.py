"""PURE: every kind of destination, and one of them out of what an endpoint says."""

from typing import Any

import msgspec

from worksphere_hub.errors import FieldProblem
from worksphere_hub.webhooks.destinations.aws import EventBridge, Kinesis, Sns, Sqs
from worksphere_hub.webhooks.destinations.azure import EventHubs, ServiceBus
from worksphere_hub.webhooks.destinations.destination import Destination
from worksphere_hub.webhooks.destinations.kafka import KafkaRest
from worksphere_hub.webhooks.destinations.pubsub import PubSub
from worksphere_hub.webhooks.destinations.rabbitmq import RabbitMq
from worksphere_hub.webhooks.destinations.s3 import S3
from worksphere_hub.webhooks.errors import InvalidEndpoint

Known = Sqs | Sns | EventBridge | Kinesis | S3 | PubSub | ServiceBus | EventHubs | KafkaRest | RabbitMq
KINDS: tuple[type[Destination], ...] = (
    Sqs, Sns, EventBridge, Kinesis, S3, PubSub, ServiceBus, EventHubs, KafkaRest, RabbitMq,
)  # fmt: skip


def read_destination(raw: Any) -> Destination:
    """A destination from its JSON. Raises InvalidEndpoint, which names the field."""
    try:
        return msgspec.convert(raw, Known)
    except msgspec.ValidationError as error:
        # msgspec quotes no values, only paths and what was expected there.
        what, _, path = str(error).partition(" - at `$")
        field = f"destination{path.rstrip('`')}"
        raise InvalidEndpoint(f"{field}: {what}.", problems=[FieldProblem(field, what)]) from None
