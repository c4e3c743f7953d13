"""The glue between the services of AWS, for tests: the topic rules and presence events of the broker, the event source
mappings of the function, and the schedule. The services themselves are mosquitto, moto and `cargo lambda watch`."""
