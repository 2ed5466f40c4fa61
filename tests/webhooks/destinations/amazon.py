"""Amazon's services as moto plays them, and Amazon's own client for them."""

from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

from worksphere_hub.clouds.credentials import AwsKeys

REGION = "eu-west-1"
KEYS = AwsKeys("AKIDEXAMPLE", "secret")


@contextmanager
def amazon():
    """Yields its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(url, service):
    return boto3.client(
        service, region_name=REGION, endpoint_url=url, aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
    )  # fmt: skip


def queue(url, name="orders", **attributes):
    """A new queue's address."""
    return client(url, "sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def received(url, address, many=10):
    """The messages of a queue, with what stands beside them."""
    found = client(url, "sqs").receive_message(
        QueueUrl=address, MaxNumberOfMessages=many, MessageAttributeNames=["All"], AttributeNames=["All"]
    )
    return found.get("Messages", [])


def arn_of(url, address):
    found = client(url, "sqs").get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
    return found["Attributes"]["QueueArn"]
