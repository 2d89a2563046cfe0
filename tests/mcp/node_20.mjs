// Lets the conformance tests run on Node.js 20: they import `globSync` of Node.js 22, and need it for a
// command that is not used here.
import fs from 'node:fs';
import { register } from 'node:module';

if (!fs.globSync) {
  const inline = (source) => `data:text/javascript,${encodeURIComponent(source)}`;
  const withGlob = inline(`
    import fs from 'node:fs';
    export * from 'node:fs';
    export default fs;
    export const globSync = () => [];`);
  register(
    inline(`
      export async function resolve(name, context, next) {
        const isTheirs = (context.parentURL ?? '').includes('/@modelcontextprotocol/conformance/');
        if (name !== 'fs' || !isTheirs) return next(name, context);
        return { url: ${JSON.stringify(withGlob)}, shortCircuit: true };
      }`),
  );
}
