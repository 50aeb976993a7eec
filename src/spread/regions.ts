// Where a push comes from, in the words in which Durable Objects are placed.
// https://developers.cloudflare.com/durable-objects/reference/data-location/

/** Every location hint. */
export const regions = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;
export type Region = (typeof regions)[number];

/** What Cloudflare tells of a request's origin. */
export interface Origin {
  continent?: unknown;
  longitude?: unknown;
}

/** Degrees east that part a continent; rough, as hints are. */
const middleOfNorthAmerica = -100;
const middleOfEurope = 15;
const eastOfMiddleEast = 60;

/** Undefined where the continent is not told. */
export function regionOf({ continent, longitude }: Origin): Region | undefined {
  const east = Number(longitude ?? Number.NaN);
  switch (continent) {
    case 'NA':
      return east < middleOfNorthAmerica ? 'wnam' : 'enam';
    case 'EU':
      return east > middleOfEurope ? 'eeur' : 'weur';
    case 'AS':
      return east < eastOfMiddleEast ? 'me' : 'apac';
    case 'SA':
      return 'sam';
    case 'AF':
      return 'afr';
    case 'OC':
    case 'AN':
      return 'oc';
    default:
      return undefined;
  }
}
