"""The pure heart: records in, blocks out (ingest); blocks in, findings and alerts out (judge). Time is an argument."""
