// /v1/memory: where the memory went, for whoever runs the server.
import { getHeapSnapshot } from 'node:v8';
import { Controller, Get, StreamableFile, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Needs } from '../access/needs.js';
import { MemoryReport, type MemoryOverview } from '../models/memory-report.js';
import { AdminGuard } from './admin.guard.js';
import { ApiProblems } from './problem.docs.js';

@ApiTags('administration')
@Controller('v1/memory')
@UseGuards(AdminGuard)
export class MemoryController {
  constructor(private readonly report: MemoryReport) {}

  @Get()
  @Needs('admin')
  @ApiOperation({ summary: 'Memory of the process and of each model, in bytes', description: 'With ADMIN_API only.' })
  @ApiOkResponse({ description: 'Weights that instances map, what they have of their own, and what the kernel and V8 count.' })
  @ApiProblems(404)
  overview(): Promise<MemoryOverview> {
    return this.report.overview();
  }

  @Get('heap-snapshot')
  @Needs('admin')
  @ApiOperation({
    summary: "A snapshot of the event loop's heap, for Chrome's developer tools",
    description: 'Nothing is served while it is taken. With ADMIN_API only.',
  })
  @ApiOkResponse({ description: 'A .heapsnapshot file.' })
  @ApiProblems(404)
  heapSnapshot(): StreamableFile {
    return new StreamableFile(getHeapSnapshot(), { type: 'application/json', disposition: 'attachment; filename="nestor.heapsnapshot"' });
  }
}
