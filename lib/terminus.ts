export {
  DistributedCacheHealthIndicator,
  type CacheHealthResult,
  type HealthCheckOptions,
} from './observability/terminus/distributed-cache-health-indicator.js';
