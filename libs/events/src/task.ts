import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { KerkisError } from '@kerkis/errors';
import type { EventBus } from './bus.ts';
import { encode, messageHeaders } from './event.ts';
import { apiCode, apiCodes, eventsFailure } from './failure.ts';
import { publish } from './publish.ts';
import { streamNames, type TaskClass, taskClasses, taskConsumer } from './streams.ts';

/** Where a task goes. */
export interface TaskRoute {
  readonly class: TaskClass;
  /**
   * Names this try of the work, e.g. `unt_…-<epoch>`: published again within two minutes it is dropped, so a task that
   * shall be tried again needs another id.
   */
  readonly id: string;
  /** Dot-separated tokens of letters, digits, `_` and `-` that end the subject, e.g. `<job>.<unit>`. */
  readonly subjectSuffix: string;
  /** The service that says so. Default: the name of the bus. */
  readonly source?: string;
  /** What the task is about, e.g. `job_…`. Default: the suffix. */
  readonly subjectId?: string;
}

/** What waits in one class of tasks. */
export interface QueueLag {
  /** Tasks that no worker has taken yet. */
  readonly pending: number;
  /** Tasks that workers hold. */
  readonly inFlight: number;
}

/**
 * Puts a task into the work queue and waits until it is stored. Returns whether it was dropped because its id is known.
 * Throws `invalid` TASK_SUBJECT_INVALID, `unavailable` EVENTS_UNAVAILABLE, `exhausted` EVENTS_FULL.
 */
export async function publishTask<S extends DescMessage>(
  bus: EventBus,
  schema: S,
  message: MessageInitShape<S>,
  route: TaskRoute,
): Promise<{ duplicate: boolean }> {
  const { id, subjectSuffix, source = bus.name, subjectId = subjectSuffix } = route;
  if (!/^[\w-]+(\.[\w-]+)*$/.test(subjectSuffix)) {
    throw new KerkisError(
      'invalid',
      'TASK_SUBJECT_INVALID',
      `A task's subject ends in tokens of letters, digits, _ and - separated by dots; ${JSON.stringify(subjectSuffix)} is none.`,
    );
  }
  return await publish(bus, {
    id,
    subject: `kerkis.task.${route.class}.${subjectSuffix}`,
    destination: `kerkis.task.${route.class}`,
    data: encode(schema, message),
    headers: messageHeaders({ id, type: schema.typeName, source, subjectId }),
  });
}

/**
 * Whether the work queue still has a task of this class and subject suffix, waiting or in the hands of a worker. Throws
 * `unavailable` EVENTS_UNAVAILABLE.
 */
export async function hasTask(
  bus: EventBus,
  { class: taskClass, subjectSuffix }: Pick<TaskRoute, 'class' | 'subjectSuffix'>,
): Promise<boolean> {
  const query = { last_by_subj: `kerkis.task.${taskClass}.${subjectSuffix}` };
  try {
    const found = await bus.request(() => bus.manager.streams.getMessage(streamNames.tasks, query));
    return found !== null;
  } catch (error) {
    if (apiCode(error) === apiCodes.noMessageFound || apiCode(error) === apiCodes.streamNotFound)
      return false;
    throw eventsFailure(error, 'a look for a task');
  }
}

/** What waits in each class of tasks, for metrics and scaling. Throws `unavailable` EVENTS_UNAVAILABLE. */
export async function queueLag(bus: EventBus): Promise<Record<TaskClass, QueueLag>> {
  try {
    const entries = taskClasses.map(async (taskClass) => {
      const { stream, durable } = taskConsumer(taskClass);
      const info = await bus.request(() => bus.manager.consumers.info(stream, durable));
      return [taskClass, { pending: info.num_pending, inFlight: info.num_ack_pending }] as const;
    });
    return Object.fromEntries(await Promise.all(entries)) as Record<TaskClass, QueueLag>;
  } catch (error) {
    throw eventsFailure(error, 'a look at the task queues');
  }
}
