// What an application writes in TypeScript. Checked, not run.

import { AuthError, createClient } from '../../examples/browser/tower-bearer.js';

const client = createClient({ mode: 'cookie', origins: ['https://api.example'], timeout: 5_000 });

// A key, if this browser can keep one.
createClient({ dpop: 'optional' }).close();

const stop: () => void = client.onSignedOut((reason) => {
  const known: 'logged_out' | 'session_ended' | 'no_session' | 'other_user' = reason;
  console.log(known);
});

async function main(): Promise<string | undefined> {
  try {
    const { sub } = await client.login({ username: 'alice', password: 'wonderland' });
    const response = await client.authFetch('/me', { signal: AbortSignal.timeout(1_000) });
    const boundTo: 'key' | 'device' | null = client.state.boundTo;
    return response.ok && boundTo !== null ? sub : undefined;
  } catch (error) {
    if (error instanceof AuthError && error.kind === 'signed_out') return error.reason ?? undefined;
    throw error;
  } finally {
    stop();
    client.close();
  }
}

// @ts-expect-error There is no such mode.
createClient({ mode: 'local-storage' });

// @ts-expect-error A word that says nothing.
createClient({ dpop: 'required' });

// @ts-expect-error Only the client makes them.
new AuthError('signed_out', 'by hand');

// @ts-expect-error The state is for reading.
client.state.status = 'signed_in';

main();
