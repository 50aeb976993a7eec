// WebAssembly without a compiler in the background, whose ends no seed repeats.

/** Until the answer is called, modules are instantiated in the turn that asks for it. */
export function instantiateAtOnce(): () => void {
  const { instantiate } = WebAssembly;
  const modules = new WeakMap<object, WebAssembly.Module>();
  const atOnce = async (
    source: BufferSource | WebAssembly.Module,
    imports?: WebAssembly.Imports,
  ) => {
    if (source instanceof WebAssembly.Module) return new WebAssembly.Instance(source, imports);
    const module = modules.get(source) ?? new WebAssembly.Module(source);
    modules.set(source, module);
    return { module, instance: new WebAssembly.Instance(module, imports) };
  };
  Object.assign(WebAssembly, { instantiate: atOnce });
  return () => Object.assign(WebAssembly, { instantiate });
}
