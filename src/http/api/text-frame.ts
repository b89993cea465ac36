/** What stands before the payload of a WebSocket message that a server sends: RFC 6455, 5.2. */

const FINAL_TEXT = 0x81;
const LENGTH_IN_2_BYTES = 126;
const LENGTH_IN_8_BYTES = 127;

/** For a text of so many bytes, in one frame, unmasked and uncompressed. */
export function textHead(bytes: number): Buffer {
  if (bytes < LENGTH_IN_2_BYTES) return Buffer.from([FINAL_TEXT, bytes]);
  if (bytes < 0x1_0000) return Buffer.from([FINAL_TEXT, LENGTH_IN_2_BYTES, bytes >> 8, bytes & 0xff]);
  const head = Buffer.allocUnsafe(10);
  head[0] = FINAL_TEXT;
  head[1] = LENGTH_IN_8_BYTES;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}
