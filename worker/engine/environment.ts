/**
 * What the runtime's libraries read from the environment when they are loaded. So this is imported before onnxruntime-node, and
 * also where threads are started: a thread has a copy of the environment that libraries do not see.
 */

/**
 * ONNX Runtime 1.29 and later report each session (graph names, hashes, processor) to Microsoft unless this is set. A node
 * tells nobody what it runs. Source: https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md; on Windows it leaves
 * event tracing on.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1'
/** CUDA's products would round their factors to 10 bits, which is further from the processor than validators allow. */
process.env['NVIDIA_TF32_OVERRIDE'] = '0'
