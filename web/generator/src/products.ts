/** Products of matrices, the inner loop of all networks. Sums are exact, so their order does not matter (docs/seeds.md). */

/**
 * Adds the products of the rows of `a` (rows, inner) and of `b` (columns, inner) to `out` (rows, columns).
 *
 * Blocks of four rows and two columns keep their sums in registers, which is three times as fast as one sum at a time.
 */
export function addProducts(
  a: Float64Array,
  rows: number,
  b: Float64Array,
  columns: number,
  inner: number,
  out: Float64Array,
  to: number,
): void {
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    let column = 0
    for (; column + 2 <= columns; column += 2)
      addBlock(a, row * inner, b, column * inner, inner, out, to + row * columns + column, columns)
    for (; column < columns; column++)
      addFour(a, row * inner, b, column * inner, inner, out, to + row * columns + column, columns)
  }
  for (; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      let sum = 0
      const [left, right] = [row * inner, column * inner]
      for (let at = 0; at < inner; at++) sum += a[left + at]! * b[right + at]!
      out[to + row * columns + column]! += sum
    }
}

/** Four rows and two columns. */
function addBlock(
  a: Float64Array,
  first: number,
  b: Float64Array,
  second: number,
  inner: number,
  out: Float64Array,
  to: number,
  columns: number,
): void {
  let a0 = 0
  let a1 = 0
  let a2 = 0
  let a3 = 0
  let b0 = 0
  let b1 = 0
  let b2 = 0
  let b3 = 0
  const i1 = first + inner
  const i2 = i1 + inner
  const i3 = i2 + inner
  const other = second + inner
  for (let at = 0; at < inner; at++) {
    const x = b[second + at]!
    const y = b[other + at]!
    const w0 = a[first + at]!
    const w1 = a[i1 + at]!
    const w2 = a[i2 + at]!
    const w3 = a[i3 + at]!
    a0 += w0 * x
    a1 += w1 * x
    a2 += w2 * x
    a3 += w3 * x
    b0 += w0 * y
    b1 += w1 * y
    b2 += w2 * y
    b3 += w3 * y
  }
  out[to]! += a0
  out[to + 1]! += b0
  out[to + columns]! += a1
  out[to + columns + 1]! += b1
  out[to + 2 * columns]! += a2
  out[to + 2 * columns + 1]! += b2
  out[to + 3 * columns]! += a3
  out[to + 3 * columns + 1]! += b3
}

/** Four rows and one column. */
function addFour(
  a: Float64Array,
  first: number,
  b: Float64Array,
  second: number,
  inner: number,
  out: Float64Array,
  to: number,
  columns: number,
): void {
  let a0 = 0
  let a1 = 0
  let a2 = 0
  let a3 = 0
  const i1 = first + inner
  const i2 = i1 + inner
  const i3 = i2 + inner
  for (let at = 0; at < inner; at++) {
    const x = b[second + at]!
    a0 += a[first + at]! * x
    a1 += a[i1 + at]! * x
    a2 += a[i2 + at]! * x
    a3 += a[i3 + at]! * x
  }
  out[to]! += a0
  out[to + columns]! += a1
  out[to + 2 * columns]! += a2
  out[to + 3 * columns]! += a3
}
