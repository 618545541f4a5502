import type { DescFile, DescMessage } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { AssetSchema, file_kerkis_catalog_v1_asset } from './catalog.ts';
import {
  AssetUpdatedSchema,
  file_kerkis_catalog_events_v1_asset_events,
  file_kerkis_catalog_events_v1_signing_key_events,
} from './catalog-events.ts';
import { file_kerkis_delivery_events_v1_delivery_events } from './delivery-events.ts';
import { subjectOf } from './index.ts';
import { file_kerkis_transcode_events_v1_transcode_events } from './transcode-events.ts';
import { file_kerkis_upload_events_v1_upload_events } from './upload-events.ts';

const eventFiles: DescFile[] = [
  file_kerkis_catalog_events_v1_asset_events,
  file_kerkis_catalog_events_v1_signing_key_events,
  file_kerkis_upload_events_v1_upload_events,
  file_kerkis_transcode_events_v1_transcode_events,
  file_kerkis_delivery_events_v1_delivery_events,
];
const events: DescMessage[] = eventFiles.flatMap((file) => file.messages);

test('every event has a subject of its own below its service', () => {
  const subjects = events.map(subjectOf);
  expect(new Set(subjects).size).toBe(events.length);
  for (const [i, event] of events.entries()) {
    const service = event.typeName.split('.')[1];
    expect(subjects[i]).toMatch(new RegExp(`^kerkis\\.(event|announce)\\.${service}\\.[a-z]+(\\.[a-z_]+)?$`));
  }
});

test('a message that is no event has no subject', () => {
  expect(subjectOf(AssetUpdatedSchema)).toBe('kerkis.event.catalog.asset.updated');
  expect(() => subjectOf(AssetSchema)).toThrow(/no event/);
  expect(file_kerkis_catalog_v1_asset.messages.some((message) => message.name === 'Asset')).toBe(true);
});
