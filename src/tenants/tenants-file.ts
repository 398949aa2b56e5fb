// TENANTS_FILE: who has which weight and which limits.
import { readFile } from 'node:fs/promises';
import { Type } from 'class-transformer';
import { IsNumber, IsOptional, Max, Min, ValidateBy, ValidateNested } from 'class-validator';
import { readYaml } from '../config/yaml-file.js';
import { isRates, limitsOf, RATE_RULE, UNITS, type Limit } from './limit.js';

const IsRates = (): PropertyDecorator =>
  ValidateBy({ name: 'isRates', validator: { validate: isRates, defaultMessage: (told) => `${told?.property ?? ''} ${RATE_RULE}` } });

class LimitsGiven {
  @IsOptional() @IsRates() readonly requests?: string | string[];
  @IsOptional() @IsRates() readonly items?: string | string[];
  @IsOptional() @IsRates() readonly tokens?: string | string[];
}

class TenantGiven {
  /** Part of a busy model that it is due beside others: twice the weight, twice the tokens. */
  @IsOptional() @IsNumber() @Min(0.01) @Max(1000) readonly weight?: number;
  @IsOptional() @ValidateNested() @Type(() => LimitsGiven) readonly limits?: LimitsGiven;
}

class TenantsGiven {
  /** Of tenants that are not named, each by itself, and what the named ones leave out. */
  @IsOptional() @ValidateNested() @Type(() => TenantGiven) readonly default?: TenantGiven;
  @IsOptional() @ValidateNested({ each: true }) @Type(() => TenantGiven) readonly tenants?: Map<string, TenantGiven>;
}

export interface TenantSettings {
  readonly weight: number;
  readonly limits: readonly Limit[];
}

export interface AllSettings {
  /** Of tenants that are not named. */
  readonly others: TenantSettings;
  readonly named: ReadonlyMap<string, TenantSettings>;
}

/** Without a file everybody is equal and nobody is limited. */
export const NO_SETTINGS: AllSettings = { others: { weight: 1, limits: [] }, named: new Map() };

/** @throws Error that names the file and every key that is wrong. */
export async function readTenants(path: string): Promise<AllSettings> {
  const given = readYaml(TenantsGiven, path, await readFile(path, 'utf8'));
  const fallback = given.default ?? {};
  const settingsOf = ({ weight, limits }: TenantGiven): TenantSettings => ({
    weight: weight ?? fallback.weight ?? 1,
    limits: UNITS.flatMap((unit) => limitsOf(unit, limits?.[unit] ?? fallback.limits?.[unit])),
  });
  const named = [...(given.tenants ?? [])].map(([name, one]) => [name, settingsOf(one)] as const);
  return { others: settingsOf(fallback), named: new Map(named) };
}
