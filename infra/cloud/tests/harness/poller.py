"""The event source mappings of the queues, and the schedule."""

import threading

from peers.daemon import PATIENCE_S

from .aws import REGION
from .function import Crashed

BATCH = 10
SWEEP = '{"event":"sweep"}'


class Poller:
    """Passes batches from the queues to the function, and deletes the records that did not fail."""

    def __init__(self, aws, function, sweep_s=5.0):
        self.aws, self.function, self.sweep_s = aws, function, sweep_s
        self.ended = threading.Event()
        self.lose = 0  # The number of the next timer messages that get lost.
        self.batches, self.failures, self.crashes, self.troubles = [], [], [], []
        queues = (aws.events, aws.deliveries)
        self.threads = [threading.Thread(target=self.poll, args=(queue,), daemon=True) for queue in queues]
        self.threads.append(threading.Thread(target=self.sweep, daemon=True))

    def start(self):
        for thread in self.threads:
            thread.start()

    def poll(self, queue):
        sqs, arn = self.aws.client("sqs"), self.aws.arn(queue)
        while not self.ended.is_set():
            try:
                asked = {"MaxNumberOfMessages": BATCH, "WaitTimeSeconds": 1, "AttributeNames": ["All"]}
                received = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], **asked)
                if messages := received.get("Messages"):
                    self.batch(sqs, queue, arn, messages)
            except Crashed as error:
                self.crashes.append(str(error))
            except Exception as error:  # The next round may succeed, and the test checks `troubles`.
                if not self.ended.is_set():
                    self.troubles.append(f"{queue}: {error}")
                    self.ended.wait(0.5)

    def batch(self, sqs, queue, arn, messages):
        timers = [message for message in messages if '"event":"timer"' in message["Body"]][: self.lose]
        for message in timers:
            self.lose -= 1
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        messages = [message for message in messages if message not in timers]
        if not messages:
            return
        # An instance that dies while it sends leaves a lease of some minutes.
        while self.function.doomed and queue == self.aws.deliveries and not self.ended.is_set():
            self.ended.wait(0.02)
        self.batches.append((queue, [message["Body"] for message in messages]))
        # If the function fails, nothing is deleted, and the whole batch comes again.
        answer = self.function.invoke({"Records": [record(message, arn) for message in messages]})
        failed = failures(answer, {message["MessageId"] for message in messages})
        self.failures += [(message["Body"], answer) for message in messages if message["MessageId"] in failed]
        done = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if done:
            sqs.delete_message_batch(QueueUrl=queue, Entries=done)

    def sweep(self):
        """Sends the schedule's record every `sweep_s` seconds. On AWS it comes every five minutes."""
        sqs = self.aws.client("sqs")
        while not self.ended.wait(self.sweep_s):
            sqs.send_message(QueueUrl=self.aws.events, MessageBody=SWEEP)

    def close(self):
        self.ended.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join(PATIENCE_S)


def record(message, arn):
    """Returns a message as the function receives it: Developer Guide of AWS Lambda, "Using Lambda with Amazon SQS",
    "Example standard queue message event"."""
    names = (
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
        "AWSTraceHeader",
    )
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: message["Attributes"][name] for name in names if name in message["Attributes"]},
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }


def failures(answer, ids):
    """Returns the ids of the records that come again (Developer Guide of AWS Lambda, "Implementing partial batch
    responses"). None come again if the answer or its list is empty or null. All come again if the answer has another
    form, or if an entry names no record of the batch."""
    if answer is None or answer == {}:
        return set()
    if not isinstance(answer, dict):
        return ids
    named = answer.get("batchItemFailures") or []
    failed = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in named}
    return failed if failed <= ids else ids
