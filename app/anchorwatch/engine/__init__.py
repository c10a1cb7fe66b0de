"""Faust agents over librdkafka: whole batches in, one Kafka transaction per cut out. The only importer of faust."""
