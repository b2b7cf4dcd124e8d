export { monitorRedis, type RedisMonitor, type SeenCommand } from '../../bench/redis-monitor.js';
