// What importing a .wasm file gives on Workers: the compiled module. No other runtime agrees.
// https://developers.cloudflare.com/workers/runtime-apis/webassembly/
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
