// Versions of a model: their order, and which of them are served.

/** `all`, the newest few, or those that are listed. */
export type VersionPolicy = 'all' | { readonly latest: number } | readonly string[];

const VERSION = /^[0-9]{1,18}$/;
const LABEL = /^[a-z][a-z0-9_-]{0,63}$/;
/** Where `model.yaml` says nothing. */
export const NEWEST: VersionPolicy = { latest: 1 };

export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Labels start with a letter, so that none can be taken for a number. */
export function isVersionLabel(text: string): boolean {
  return LABEL.test(text);
}

/** Orders versions by number: 2 before 10. */
export function byVersion(a: string, b: string): number {
  return Number(BigInt(a) - BigInt(b));
}

/** What `model.yaml` says of versions. */
export interface VersionRules {
  readonly versions?: VersionPolicy;
  readonly versionLabels?: ReadonlyMap<string, string>;
  readonly traffic?: ReadonlyMap<string, number>;
}

/**
 * The versions to serve, oldest first: what the policy says, and those that have a label or a share of the traffic, whatever the policy.
 * @throws Error for one that is asked for and not there, and for a share of an unknown label.
 */
export function versionsToServe(
  there: readonly string[],
  { versions = NEWEST, versionLabels = new Map(), traffic = new Map() }: VersionRules,
): string[] {
  const ordered = there.toSorted(byVersion);
  const chosen = new Set(versions === 'all' ? ordered : 'latest' in versions ? ordered.slice(-versions.latest) : versions);
  for (const version of versionLabels.values()) chosen.add(version);
  for (const key of traffic.keys()) {
    if (isVersion(key)) chosen.add(key);
    else if (!versionLabels.has(key)) throw new Error(`model.yaml gives traffic to ${key}, which versionLabels does not have`);
  }
  const missing = [...chosen].find((version) => !ordered.includes(version));
  if (missing !== undefined) throw new Error(`model.yaml asks for version ${missing}; there is ${ordered.join(', ') || 'none'}`);
  return ordered.filter((version) => chosen.has(version));
}
