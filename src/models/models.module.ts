// The model repository as a module: reads folders, keeps what serves.
import { Module } from '@nestjs/common';
import { BatchingModule } from '../batching/batching.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { ModelLoader } from './model-loader.js';
import { ModelRegistry } from './model-registry.js';

@Module({ imports: [RuntimeModule, BatchingModule], providers: [ModelLoader, ModelRegistry], exports: [ModelLoader, ModelRegistry] })
export class ModelsModule {}
