import { readFileSync, statSync } from 'node:fs';
import { configInvalid, type Problem } from './problem.ts';
import { suggestion } from './suggestion.ts';
import { type Leaf, leaves } from './tree.ts';
import { maxTextBytes, readYaml } from './yaml-text.ts';

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One key that the environment sets. */
export interface Override {
  readonly leaf: Leaf;
  readonly value: unknown;
  /** Name of the variable. */
  readonly where: string;
}

/** Variables that start with KERKIS_ and are no keys: they belong to the tools around the services. */
export const toolVariables = [
  'KERKIS_CONFIG',
  'KERKIS_SERVER',
  'KERKIS_API_KEY',
  'KERKIS_CACHE',
  'KERKIS_MEDIA_CORPUS',
] as const;

/** Prefix of variables that only the tests read. */
export const testVariablePrefix = 'KERKIS_TEST_';

/** Standard OpenTelemetry variables that count where neither the file nor a KERKIS_ variable sets the key. */
export const fallbackVariables: Readonly<Record<string, string>> = {
  'telemetry.otlpEndpoint': 'OTEL_EXPORTER_OTLP_ENDPOINT',
  'telemetry.otlpProtocol': 'OTEL_EXPORTER_OTLP_PROTOCOL',
};

/** What Kubernetes sets for each Service in the namespace: a Service named kerkis-catalog must not stop the start. */
const kubernetesLinks = /_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

/**
 * All keys that `KERKIS_…` and `KERKIS_…_FILE` variables set. An empty variable counts as not set.
 *
 * Throws `invalid CONFIG_INVALID` for unknown variables, both forms at once, and files that cannot be read.
 */
export function environmentOverrides(env: Environment): readonly Override[] {
  const problems: Problem[] = unknownVariables(env);
  const overrides: Override[] = [];
  for (const leaf of leaves) {
    const fileVariable = `${leaf.variable}_FILE`;
    const direct = env[leaf.variable] || undefined;
    const file = env[fileVariable] || undefined;
    if (direct !== undefined && file !== undefined) {
      problems.push({
        key: leaf.key,
        where: fileVariable,
        text: `is set twice: unset it or ${leaf.variable}`,
      });
    } else if (direct !== undefined) {
      overrides.push({ leaf, value: parsedValue(leaf, direct, leaf.variable), where: leaf.variable });
    } else if (file !== undefined) {
      const content = readSecret(file);
      if (content instanceof Error) {
        problems.push({ key: leaf.key, where: fileVariable, text: `cannot be read: ${content.message}` });
      } else {
        overrides.push({ leaf, value: parsedValue(leaf, content, fileVariable), where: fileVariable });
      }
    }
  }
  if (problems.length > 0) throw configInvalid(problems);
  return overrides;
}

/** Keys that standard OpenTelemetry variables set. */
export function environmentFallbacks(env: Environment): readonly Override[] {
  return leaves.flatMap((leaf) => {
    const where = fallbackVariables[leaf.key];
    const value = where === undefined ? undefined : env[where];
    return where === undefined || value === undefined || value === '' ? [] : [{ leaf, value, where }];
  });
}

/** Texts are taken as they are; everything else is written as in the file, so lists and maps as YAML or JSON. */
function parsedValue(leaf: Leaf, text: string, where: string): unknown {
  return leaf.node.type === 'string' ? text : readYaml(text, where).value;
}

function readSecret(path: string): string | Error {
  try {
    if (statSync(path).size > maxTextBytes) return new Error(`the file is larger than ${maxTextBytes} bytes`);
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function unknownVariables(env: Environment): Problem[] {
  const known = leaves.flatMap(({ variable }) => [variable, `${variable}_FILE`]);
  const allowed = new Set<string>([...known, ...toolVariables]);
  return Object.keys(env)
    .filter((name) => name.startsWith('KERKIS_') && !allowed.has(name))
    .filter((name) => !name.startsWith(testVariablePrefix) && !isKubernetesLink(name, env[name]))
    .sort()
    .map((name) => {
      const near = suggestion(name, [...known, ...toolVariables]);
      const hint = near === undefined ? 'docs/configuration.md lists them all' : `did you mean ${near}?`;
      return { key: '', where: name, text: `is not a variable of Kerkis; ${hint}` };
    });
}

function isKubernetesLink(name: string, value: string | undefined): boolean {
  return kubernetesLinks.test(name) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? ''));
}
