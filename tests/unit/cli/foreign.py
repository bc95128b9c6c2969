"""A contract as a shop might have written it with other tools, in the form of v3.0."""

FOREIGN = """\
apiVersion: v3.0.2
kind: DataContract
id: 5f1b2c3d-0000-4a00-9000-aaaaaaaaaaaa
version: 2.1.0
name: Orders of the shop
status: active
tenant: shop
domain: trade
tags: [shop]
description:
  purpose: "What was ordered, by whom."
  usage: Planning
  limitations: Online orders alone
price: {priceAmount: 9.95, priceCurrency: CNY, priceUnit: megabyte}
support:
  - {channel: help, tool: email, url: "mailto:help@shop.example"}
roles:
  - {role: reader, access: read, firstLevelApprovers: manager}
team:
  - {username: li, role: Data Scientist, dateOut: 2025-01-31}
  - {username: wang@shop.example, name: Wang Fang, role: steward}
  - {username: Old Boss, role: owner}
servers:
  - {server: db, type: postgres, host: db.shop.example, port: 5432, database: shop, schema: public}
schema:
  - name: Shop Orders
    description: One row an order
    quality:
      - metric: duplicateValues
        arguments: {properties: [customer_id, mobile phone]}
        mustBe: 0
    properties:
      - name: customer_id
        logicalType: string
        required: true
        classification: pii
        quality: [{metric: missingValues, mustBe: 0}]
      - name: mobile phone
        businessName: Mobile
        logicalType: string
        logicalTypeOptions: {maxLength: 20}
        examples: ["13800138000"]
      - {name: amount, physicalName: AMT, logicalType: integer}
      - {name: sector, logicalType: string, physicalType: varchar(8), classification: other}
      - {name: lines, logicalType: array, items: {logicalType: string}}
slaProperties:
  - {property: retention, value: 3, unit: y}
  - {property: latency, value: PT5M}
  - {property: generalAvailability, value: "2022-05-12T09:30:10-08:00"}
customProperties:
  - {property: costCentre, value: {number: 7, open: true}}
"""
