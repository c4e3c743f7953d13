"""What stands between the services of AWS, for tests, and nothing more: the broker's topic rules and presence events, the
queues' triggers of the function, the schedule. The services themselves are mosquitto, moto and `cargo lambda watch`.
"""
