// The version of phlox, for the command line, the log and `/api/v1/status/buildinfo`. The package
// test holds it equal to the one in package.json and deno.json.
export const version = '0.1.0';
