/**
 * ONNX Runtime 1.29 and later report each session (graph names, hashes, processor) to Microsoft unless this variable is set
 * before the library is loaded. A node tells nobody what it runs, so this is imported before onnxruntime-node, and also
 * where threads are started: a thread has a copy of the environment that the library does not see.
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md; on Windows it leaves event tracing on.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1'
