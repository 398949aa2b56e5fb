// Default deny: nobody can forget to say who may call a route.
import { expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { AppModule, declaredRoutes } from './setup/compiled-application.js';
import { MODELS } from './setup/paths.js';

it('a route that declares nothing stops the boot', async () => {
  @Controller('rogue')
  class RogueController {
    @Get()
    show(): string {
      return 'to everybody';
    }
  }
  @Module({ imports: [AppModule], controllers: [RogueController] })
  class RogueModule {}
  await expect(declaredRoutes({ MODEL_REPOSITORY: MODELS }, RogueModule)).rejects.toThrow(/GET \/rogue declares neither @Needs nor @Open/);
});
