// Loads Nest as ES modules before CommonJS packages can require it.
import '@nestjs/common';
import '@nestjs/core';
