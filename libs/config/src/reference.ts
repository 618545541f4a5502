import { allowedText } from './allowed.ts';
import { fallbackVariables } from './environment.ts';
import { defaultText } from './json-schema.ts';
import { leafOf, type SchemaNode, schemaTree } from './tree.ts';

/** Every key of the file as Markdown: a chapter for each section; meaning, values, unit, default and variable of a key. */
export function referenceMarkdown(): string {
  const entries = Object.entries(schemaTree.properties ?? {});
  const single = entries.filter(([, node]) => node.properties === undefined && !node.additionalProperties);
  return [
    chapter('Top level', 'Keys that belong to no section.', single, []),
    ...entries.flatMap(([name, node]) => {
      if (node.properties !== undefined) return groupChapters([name], node);
      return node.additionalProperties ? mapChapters(name, node) : [];
    }),
  ].join('\n');
}

type Entries = readonly (readonly [string, SchemaNode])[];

function groupChapters(path: readonly string[], node: SchemaNode): string[] {
  const entries = Object.entries(node.properties ?? {});
  const own = entries.filter(([, child]) => child.properties === undefined);
  const inner = entries.filter(([, child]) => child.properties !== undefined);
  return [
    chapter(`\`${path.join('.')}\``, node.description ?? '', own, path),
    ...inner.flatMap(([name, child]) => groupChapters([...path, name], child)),
  ];
}

function chapter(title: string, intro: string, entries: Entries, path: readonly string[]): string {
  const keys = entries.map(([name, node]) => {
    const leaf = leafOf([...path, name]);
    const variables = [leaf?.variable, fallbackVariables[leaf?.key ?? '']];
    return keyItem(
      name,
      node,
      presetText(node),
      variables.filter((variable) => variable !== undefined),
    );
  });
  const below = entries.flatMap(([name, node]) => itemChapters([...path, name].join('.'), node.items));
  return [`## ${title}\n\n${intro}\n\n${keys.join('\n')}\n`, ...below].join('\n');
}

function mapChapters(name: string, node: SchemaNode): string[] {
  const variable = leafOf([name])?.variable ?? '';
  const intro = `${node.description ?? ''} As a variable: \`${variable}\`, all of it as YAML or JSON.`;
  const value = node.additionalProperties || undefined;
  return [`## \`${name}\`\n\n${intro}\n`, ...groupOfItem(`${name}.<name>`, value)];
}

function itemChapters(title: string, item: SchemaNode | undefined): string[] {
  return item?.properties === undefined ? [] : groupOfItem(`${title}[]`, item);
}

function groupOfItem(title: string, node: SchemaNode | undefined): string[] {
  const entries = Object.entries(node?.properties ?? {});
  const keys = entries
    .filter(([, child]) => child.properties === undefined)
    .map(([name, child]) =>
      keyItem(name, child, node?.required?.includes(name) ? 'Required.' : presetText(child), []),
    );
  const absent = node?.absent === undefined ? '' : ` Not set: ${code(node.absent)}.`;
  return [
    `### \`${title}\`\n\n${node?.description ?? 'One item of the list.'}${absent}\n\n${keys.join('\n')}\n`,
    ...entries.flatMap(([name, child]) =>
      child.properties === undefined
        ? itemChapters(`${title}.${name}`, child.items)
        : groupOfItem(`${title}.${name}`, child),
    ),
  ];
}

function keyItem(name: string, node: SchemaNode, preset: string, variables: readonly string[]): string {
  const takes = node.items?.properties === undefined ? allowedText(node) : 'a list of the keys below';
  const named = variables.map((variable) => `\`${variable}\``).join(', else ');
  return [
    `- **\`${name}\`**: ${code(node.description ?? '')}`,
    `  Takes ${code(takes)}. ${preset}${named === '' ? '' : ` Variable: ${named}.`}`,
  ].join('\n');
}

function presetText(node: SchemaNode): string {
  if (node.default === undefined) return `Not set: ${code(node.absent ?? '')}.`;
  const all = Array.isArray(node.default) && node.default.length === node.items?.enum?.length;
  return all ? 'Default: all of them.' : `Default: \`${defaultText(node)}\`.`;
}

/** Markdown would take `<name>` for HTML and `*` for emphasis. */
function code(text: string): string {
  return text.replaceAll(/\S*<[a-zA-Z]+>(?:\S*[^\s.,;])?|[\w:]*\*[\w:*]*/g, '`$&`');
}
