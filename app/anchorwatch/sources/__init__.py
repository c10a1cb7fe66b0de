"""One event format a file: bytes of Kafka in, typed records or reasons out. The file name is the name in a contract's `source.*.format`."""
