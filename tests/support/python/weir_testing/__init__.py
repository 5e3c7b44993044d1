"""Weir against a real Kafka broker: what the integration and fault tests share.

    broker.py    a broker on loopback (wraps tests/support/kafka-broker)
    job.py       one Weir job: its topics, configuration, workers, input and outputs
    worker.py    one `weir run` process: start, kill -9, SIGTERM, readiness, metrics
    sample.py    the bundled payments and labels, and a feeder that publishes them in slices
    handbook.py  the packed data set of tests/data/handbook, and its lines in our schema
    handbook_protocol.py  the features, folds and metrics that the Handbook published
    oracle.py    what must come out: `weir replay` over the same input, compared byte for byte
    chaos.py     kills, rebalances, a broker that dies, spread over the stream
    case.py      base of the test classes: seed, work folder, logs on failure

Nothing here sleeps for a fixed time and hopes: `eventually` polls for a condition until a deadline.
"""
