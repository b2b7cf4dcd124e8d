const PRODUCT_ID = 42;

/** The line by which the application says that it can be asked. Whoever starts it as a process waits for this line. */
export function listens(url: string): string {
  return `The sample application listens on ${url}`;
}

/** What the terminal shows once the application listens. Each line beginning with `curl` can be pasted as it is. */
export function greeting(url: string): string {
  const product = `${url}/products/${PRODUCT_ID}`;
  const patch = `-X PATCH -H 'Content-Type: application/json' -d '{"priceCents":1999}'`;
  return `
${listens(url)}

  GET   ${product}
  PATCH ${product}
  GET   ${url}/products?category=kitchen
  GET   ${url}/reports/top-sellers   (slow when it is not cached)
  GET   ${url}/stats
  GET   ${url}/metrics   (for Prometheus)
  GET   ${url}/health

A miss, which loads the row; look for X-Cache:

  curl -i ${product}

A hit, without the database:

  curl -i ${product}

A change, and the next read, which shows the new price:

  curl -i ${patch} ${product} --next -i ${product}

`;
}
