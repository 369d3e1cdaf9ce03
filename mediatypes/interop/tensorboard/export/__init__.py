"""Event files, written without TensorBoard, TensorFlow or protobuf: the other direction of the importer.

`encode` writes messages, `records` frames many of them at once, `summaries` and `sessions` are the values as
TensorBoard's plugins read them. `from_documents` makes these from logged media, `write_events` and `from_events` from
the `events.parquet` of an imported run.
"""
