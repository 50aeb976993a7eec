// Label sets: name-value pairs sorted by name. Owns order, rendering and the reserved names;
// validation against limits is in `limits/`.

export interface Label {
  name: string;
  value: string;
}

/** Sorted by name (UTF-16 code units equal byte order for the names in use), unique, no empty value. */
export type Labels = readonly Label[];

/** The names that belong to Pyroscope's wire. */
export const labelNames = {
  name: '__name__',
  serviceName: 'service_name',
  serviceNamePrivate: '__service_name__',
  type: '__type__',
  unit: '__unit__',
  periodType: '__period_type__',
  periodUnit: '__period_unit__',
  profileType: '__profile_type__',
  delta: '__delta__',
  sessionId: '__session_id__',
  order: '__order__',
  otel: '__otel__',
} as const;
