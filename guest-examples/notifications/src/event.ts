// Events of the shop: what they say, and what is wrong with them.

export interface OrderCreated {
  orderId: number;
  userId: number;
}

/** An event that can never be understood; the message names the field. */
export class Invalid extends Error {}

/** Reads the data of an event of the type `OrderCreated`. Throws Invalid. */
export function parse(data: Uint8Array): OrderCreated {
  const { orderId, userId } = objectOf(data);
  if (!isNumber(orderId)) throw new Invalid("orderId: expected a whole number from 1");
  if (!isNumber(userId)) throw new Invalid("userId: expected a whole number from 1");
  return { orderId, userId };
}

function objectOf(data: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(data));
  } catch (error) {
    throw new Invalid(`the data are no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Invalid("expected a JSON object");
  return value as Record<string, unknown>;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
