/**
 * The protobuf runtime that the generated codecs run on, set up so that 64-bit integers are
 * plain numbers. Every module that needs the runtime takes it from here; nothing else may
 * import `protobufjs`.
 *
 * @module
 */

import runtime from "protobufjs/minimal.js";

// With `Long` the decoder would give objects. Without it, it gives numbers, inexact beyond 2^53;
// the converters refuse what is not a safe integer.
Object.assign(runtime.util, { Long: undefined });
runtime.configure();

export { runtime as protobuf };
