BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE articles (
	price_minor INTEGER NOT NULL, 
	weight_g INTEGER NOT NULL, 
	temperature_min_millicelsius INTEGER, 
	temperature_max_millicelsius INTEGER, 
	version INTEGER NOT NULL, 
	customised INTEGER NOT NULL, 
	fragile INTEGER NOT NULL, 
	withdrawn INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	sku TEXT NOT NULL, 
	merchant_id TEXT NOT NULL, 
	title TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	CONSTRAINT pk_articles PRIMARY KEY (tenant, sku), 
	CONSTRAINT ck_articles_nothing_is_negative CHECK (price_minor >= 0 AND weight_g >= 0)
)
 STRICT

;
CREATE TABLE catalogues (
	version INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	CONSTRAINT pk_catalogues PRIMARY KEY (tenant)
)
 STRICT

;
CREATE TABLE history (
	order_id INTEGER NOT NULL, 
	at_ms INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	move INTEGER NOT NULL, 
	seal INTEGER NOT NULL, 
	entry_no INTEGER NOT NULL, 
	part_no INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_history PRIMARY KEY (order_id, version, entry_no), 
	CONSTRAINT fk_history_move FOREIGN KEY(move) REFERENCES moves (move), 
	CONSTRAINT fk_history_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,1,1518366076,345779836,0,0,'buyer','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1299359113,1500406767,0,0,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1046680906,862494525,1,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1128422816,986148901,2,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1060950252,-1044365815,3,0,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,413394675,2128732439,4,0,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,2043391147,-1204837019,5,0,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,350308827,553578333,6,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,643250999,-881579426,7,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,970763908,-449427938,8,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1074265392,64784923,9,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1381557824,1577647098,10,1,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,138621416,-991806418,11,0,'test','');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,1985770326,-2106995955,12,1,'test','lost on its way');
INSERT INTO "history" VALUES(4330000000000000000,2000000000000,2,31790858,-1879752702,13,1,'test','');
INSERT INTO "history" VALUES(4340000000000000000,2000000000000,1,1518366076,-64067755,0,0,'buyer','');
CREATE TABLE incidents (
	order_id INTEGER NOT NULL, 
	opened_at_ms INTEGER NOT NULL, 
	due_at_ms INTEGER NOT NULL, 
	settled_at_ms INTEGER NOT NULL, 
	updated_at_ms INTEGER NOT NULL, 
	incident_no INTEGER NOT NULL, 
	shipment_no INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	state TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	CONSTRAINT pk_incidents PRIMARY KEY (order_id, incident_no), 
	CONSTRAINT ck_incidents_state_is_known CHECK (state IN ('OPEN', 'WAITING', 'RESHIPPING', 'RESHIPPED', 'REFUNDED', 'ARRIVED')), 
	CONSTRAINT fk_incidents_order_id_shipment_no FOREIGN KEY(order_id, shipment_no) REFERENCES shipments (order_id, shipment_no), 
	CONSTRAINT fk_incidents_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
INSERT INTO "incidents" VALUES(4330000000000000000,2000000000000,2000086400000,0,2000000000000,1,1,'LOSS','OPEN','carrier-desk');
CREATE TABLE moves (
	move INTEGER NOT NULL, 
	machine TEXT NOT NULL, 
	from_state TEXT, 
	event TEXT, 
	to_state TEXT, 
	CONSTRAINT pk_moves PRIMARY KEY (move)
)
 STRICT

;
INSERT INTO "moves" VALUES(31790858,'refund',NULL,NULL,'REQUESTED');
INSERT INTO "moves" VALUES(33900252,'payment','PENDING','DECLINE','DECLINED');
INSERT INTO "moves" VALUES(132426155,'payment','CREATED','MISMATCH','QUARANTINED');
INSERT INTO "moves" VALUES(134378228,'payment','PENDING','CAPTURE','CAPTURED');
INSERT INTO "moves" VALUES(138621416,'order','IN_FULFILMENT','SHIPPED_IN_FULL','SHIPPED');
INSERT INTO "moves" VALUES(189012254,'refund',NULL,NULL,NULL);
INSERT INTO "moves" VALUES(210487055,'payment','CREATED','ACCEPTED','PENDING');
INSERT INTO "moves" VALUES(242955804,'shipment','SHIPPED','SIGN','DELIVERED');
INSERT INTO "moves" VALUES(243929214,'shipment','IN_TRANSIT','DAMAGE','DAMAGED');
INSERT INTO "moves" VALUES(271295116,'incident','WAITING','ARRIVE','ARRIVED');
INSERT INTO "moves" VALUES(272036140,'shipment','SHIPPED','GO_OUT','OUT_FOR_DELIVERY');
INSERT INTO "moves" VALUES(277732532,'shipment','LOST','DAMAGE','DAMAGED');
INSERT INTO "moves" VALUES(278894114,'shipment','LABELLED','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(333181594,'order','DELIVERED','RECEIVED','COMPLETED');
INSERT INTO "moves" VALUES(350308827,'shipment',NULL,NULL,'PLANNED');
INSERT INTO "moves" VALUES(360530524,'refund','REQUESTED','REFUSED','FAILED');
INSERT INTO "moves" VALUES(387502376,'order','RESERVING','STOCK_SHORT','REJECTED');
INSERT INTO "moves" VALUES(387955568,'payment',NULL,NULL,NULL);
INSERT INTO "moves" VALUES(389740598,'refund','FAILED','RETRY','REQUESTED');
INSERT INTO "moves" VALUES(413394675,'order','CONFIRMING','STOCK_CONFIRMED','CONFIRMED');
INSERT INTO "moves" VALUES(425537839,'payment','DECLINED','CAPTURE','CAPTURED');
INSERT INTO "moves" VALUES(497067597,'order','AWAITING_PAYMENT','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(503506617,'incident','RESHIPPING','STOCK_CONFIRMED','RESHIPPED');
INSERT INTO "moves" VALUES(507737587,'order',NULL,NULL,NULL);
INSERT INTO "moves" VALUES(576425223,'order','SHIPPED','NOTHING_DELIVERED','CANCELLED');
INSERT INTO "moves" VALUES(639203809,'order','AWAITING_PAYMENT','PAYMENT_OVERDUE','EXPIRED');
INSERT INTO "moves" VALUES(643250999,'shipment','PLANNED','PICK','PICKED');
INSERT INTO "moves" VALUES(656613446,'incident','OPEN','REFUND','REFUNDED');
INSERT INTO "moves" VALUES(717667331,'shipment','SHIPPED','TRAVEL','IN_TRANSIT');
INSERT INTO "moves" VALUES(731450214,'order','RESERVING','WAITS_FOR_STOCK','BACKORDERED');
INSERT INTO "moves" VALUES(763344187,'incident','RESHIPPING','STOCK_SHORT','OPEN');
INSERT INTO "moves" VALUES(820604911,'payment','CREATED','ABANDON','ABANDONED');
INSERT INTO "moves" VALUES(832430158,'shipment','DELIVERED','DAMAGE','DAMAGED');
INSERT INTO "moves" VALUES(866280022,'order','BACKORDERED','STOCK_RESERVED','AWAITING_PAYMENT');
INSERT INTO "moves" VALUES(882047328,'shipment','OUT_FOR_DELIVERY','LOSE','LOST');
INSERT INTO "moves" VALUES(884593304,'payment','CAPTURED','RETURN_ALL','RETURNED');
INSERT INTO "moves" VALUES(917564786,'incident','OPEN','WAIT','WAITING');
INSERT INTO "moves" VALUES(943160530,'shipment','OUT_FOR_DELIVERY','DAMAGE','DAMAGED');
INSERT INTO "moves" VALUES(970763908,'shipment','PICKED','PACK','PACKED');
INSERT INTO "moves" VALUES(1033116820,'order','EXPIRED','PAID','CONFIRMING');
INSERT INTO "moves" VALUES(1046680906,'payment',NULL,NULL,'CREATED');
INSERT INTO "moves" VALUES(1060950252,'order','AWAITING_PAYMENT','PAID','CONFIRMING');
INSERT INTO "moves" VALUES(1063550738,'order','CONFIRMED','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1074265392,'shipment','PACKED','LABEL','LABELLED');
INSERT INTO "moves" VALUES(1123203660,'payment','ABANDONED','CAPTURE','CAPTURED');
INSERT INTO "moves" VALUES(1126978929,'order','PARTLY_SHIPPED','SHIPPED_IN_FULL','SHIPPED');
INSERT INTO "moves" VALUES(1127662948,'payment','QUARANTINED','RETURN_ALL','RETURNED');
INSERT INTO "moves" VALUES(1128422816,'payment','CREATED','CAPTURE','CAPTURED');
INSERT INTO "moves" VALUES(1158371694,'shipment','IN_TRANSIT','LOSE','LOST');
INSERT INTO "moves" VALUES(1172772590,'shipment','PLANNED','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1176079397,'order','BACKORDERED','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1213193852,'order','RESERVING','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1229285768,'payment','CREATED','DECLINE','DECLINED');
INSERT INTO "moves" VALUES(1233841086,'refund','FAILED','SENT_BACK','DONE');
INSERT INTO "moves" VALUES(1234865152,'payment','ABANDONED','MISMATCH','QUARANTINED');
INSERT INTO "moves" VALUES(1239006648,'incident','WAITING','RESHIP','RESHIPPING');
INSERT INTO "moves" VALUES(1245259634,'incident',NULL,NULL,NULL);
INSERT INTO "moves" VALUES(1259928205,'refund','REQUESTED','SENT_BACK','DONE');
INSERT INTO "moves" VALUES(1299359113,'order','RESERVING','STOCK_RESERVED','AWAITING_PAYMENT');
INSERT INTO "moves" VALUES(1312812796,'incident','OPEN','ARRIVE','ARRIVED');
INSERT INTO "moves" VALUES(1327934683,'order','RESERVING','PAYS_ON_DELIVERY','CONFIRMING');
INSERT INTO "moves" VALUES(1341990072,'order','IN_FULFILMENT','SHIPPED_IN_PART','PARTLY_SHIPPED');
INSERT INTO "moves" VALUES(1374115157,'shipment','OUT_FOR_DELIVERY','SIGN','DELIVERED');
INSERT INTO "moves" VALUES(1381557824,'shipment','LABELLED','SHIP','SHIPPED');
INSERT INTO "moves" VALUES(1481574614,'payment','DECLINED','MISMATCH','QUARANTINED');
INSERT INTO "moves" VALUES(1510418652,'payment','QUARANTINED','APPROVE','CAPTURED');
INSERT INTO "moves" VALUES(1518366076,'order',NULL,NULL,'RESERVING');
INSERT INTO "moves" VALUES(1530790210,'incident','OPEN','RESHIP','RESHIPPING');
INSERT INTO "moves" VALUES(1554299437,'payment','PENDING','ABANDON','ABANDONED');
INSERT INTO "moves" VALUES(1591957066,'order','CONFIRMING','STOCK_LOST','CANCELLED');
INSERT INTO "moves" VALUES(1610193787,'shipment','PICKED','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1630953286,'shipment','IN_TRANSIT','GO_OUT','OUT_FOR_DELIVERY');
INSERT INTO "moves" VALUES(1642981278,'payment','PENDING','MISMATCH','QUARANTINED');
INSERT INTO "moves" VALUES(1710633921,'order','BACKORDERED','PAYS_ON_DELIVERY','CONFIRMING');
INSERT INTO "moves" VALUES(1723514235,'shipment','PACKED','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1733966329,'shipment','IN_TRANSIT','SIGN','DELIVERED');
INSERT INTO "moves" VALUES(1739267995,'shipment','SHIPPED','DAMAGE','DAMAGED');
INSERT INTO "moves" VALUES(1747897129,'order','AWAITING_PAYMENT','PAYS_ON_DELIVERY','CONFIRMING');
INSERT INTO "moves" VALUES(1748774455,'shipment',NULL,NULL,NULL);
INSERT INTO "moves" VALUES(1782834722,'order','IN_FULFILMENT','CANCEL','CANCELLED');
INSERT INTO "moves" VALUES(1876936972,'incident','WAITING','WAITED_ENOUGH','OPEN');
INSERT INTO "moves" VALUES(1902284284,'order','SHIPPED','DELIVERED_IN_FULL','DELIVERED');
INSERT INTO "moves" VALUES(1941584344,'shipment','SHIPPED','LOSE','LOST');
INSERT INTO "moves" VALUES(1985770326,'incident',NULL,NULL,'OPEN');
INSERT INTO "moves" VALUES(2012759350,'incident','WAITING','REFUND','REFUNDED');
INSERT INTO "moves" VALUES(2036200755,'shipment','LOST','SIGN','DELIVERED');
INSERT INTO "moves" VALUES(2043391147,'order','CONFIRMED','REVIEWED','IN_FULFILMENT');
CREATE TABLE order_lines (
	order_id INTEGER NOT NULL, 
	unit_price_minor INTEGER NOT NULL, 
	amount_minor INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	shipped INTEGER NOT NULL, 
	cancelled INTEGER NOT NULL, 
	returned INTEGER NOT NULL, 
	line_no INTEGER NOT NULL, 
	sub_order_no INTEGER NOT NULL, 
	sku TEXT NOT NULL, 
	title TEXT NOT NULL, 
	location TEXT NOT NULL, 
	CONSTRAINT pk_order_lines PRIMARY KEY (order_id, line_no), 
	CONSTRAINT ck_order_lines_quantity_is_positive CHECK (quantity > 0), 
	CONSTRAINT ck_order_lines_units_are_accounted_for CHECK (shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity AND returned >= 0 AND returned <= shipped), 
	CONSTRAINT fk_order_lines_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "order_lines" VALUES(4330000000000000000,500,1000,2,2,0,0,1,0,'SKU-1','A thing','');
INSERT INTO "order_lines" VALUES(4340000000000000000,500,1000,2,0,0,0,1,0,'SKU-1','A thing','');
CREATE TABLE orders (
	order_id INTEGER NOT NULL, 
	goods_minor INTEGER NOT NULL, 
	discount_minor INTEGER NOT NULL, 
	coupon_minor INTEGER NOT NULL, 
	freight_minor INTEGER NOT NULL, 
	tax_minor INTEGER NOT NULL, 
	total_minor INTEGER NOT NULL, 
	payment_due_at_ms INTEGER NOT NULL, 
	created_at_ms INTEGER NOT NULL, 
	updated_at_ms INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	seal INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	source TEXT NOT NULL, 
	order_key TEXT NOT NULL, 
	state TEXT NOT NULL, 
	buyer_id TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	payment_method TEXT NOT NULL, 
	shortage_policy TEXT NOT NULL, 
	delivery TEXT NOT NULL, 
	sub_orders TEXT NOT NULL, 
	fingerprint BLOB NOT NULL, 
	closed_reason TEXT NOT NULL, 
	CONSTRAINT pk_orders PRIMARY KEY (order_id), 
	CONSTRAINT ck_orders_state_is_known CHECK (state IN ('RESERVING', 'BACKORDERED', 'AWAITING_PAYMENT', 'CONFIRMING', 'CONFIRMED', 'IN_FULFILMENT', 'PARTLY_SHIPPED', 'SHIPPED', 'DELIVERED', 'COMPLETED', 'REJECTED', 'EXPIRED', 'CANCELLED')), 
	CONSTRAINT ck_orders_no_amount_is_negative CHECK (goods_minor >= 0 AND discount_minor >= 0 AND coupon_minor >= 0 AND freight_minor >= 0 AND tax_minor >= 0 AND total_minor >= 0), 
	CONSTRAINT ck_orders_amounts_add_up CHECK (total_minor = goods_minor - discount_minor - coupon_minor + freight_minor + tax_minor), 
	CONSTRAINT uq_orders_tenant UNIQUE (tenant, source, order_key)
)
 STRICT

;
INSERT INTO "orders" VALUES(4330000000000000000,1000,0,0,100,0,1100,0,2000000000000,2000000000000,2,-1879752702,'default','WEB','key-4330000000000000000','SHIPPED','buyer-1','CNY','SANDBOX','ALL_OR_NOTHING','["Li Na","+8613812345678","CN","200000","Shanghai","Shanghai","Huangpu","1 Nanjing Road","li.na@example.com","CHEAPEST"]','[["merchant-1",null]]',X'66','');
INSERT INTO "orders" VALUES(4340000000000000000,1000,0,0,100,0,1100,0,2000000000000,2000000000000,1,-64067755,'default','WEB','kb','RESERVING','buyer-1','CNY','SANDBOX','ALL_OR_NOTHING','["Li Na","+8613812345678","CN","200000","Shanghai","Shanghai","Huangpu","1 Nanjing Road","li.na@example.com","CHEAPEST"]','[["merchant-1",null]]',X'66','');
CREATE TABLE payments (
	order_id INTEGER NOT NULL, 
	amount_minor INTEGER NOT NULL, 
	captured_minor INTEGER NOT NULL, 
	captured_at_ms INTEGER NOT NULL, 
	refunded_minor INTEGER NOT NULL, 
	created_at_ms INTEGER NOT NULL, 
	updated_at_ms INTEGER NOT NULL, 
	payment_no INTEGER NOT NULL, 
	payment_key TEXT NOT NULL, 
	state TEXT NOT NULL, 
	method TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	provider_ref TEXT NOT NULL, 
	captured_currency TEXT NOT NULL, 
	CONSTRAINT pk_payments PRIMARY KEY (order_id, payment_no), 
	CONSTRAINT ck_payments_state_is_known CHECK (state IN ('CREATED', 'PENDING', 'CAPTURED', 'DECLINED', 'ABANDONED', 'QUARANTINED', 'RETURNED')), 
	CONSTRAINT ck_payments_no_amount_is_negative CHECK (amount_minor >= 0 AND captured_minor >= 0), 
	CONSTRAINT ck_payments_no_more_goes_back_than_came CHECK (refunded_minor >= 0 AND refunded_minor <= captured_minor), 
	CONSTRAINT fk_payments_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id), 
	CONSTRAINT uq_payments_order_id UNIQUE (order_id, payment_key)
)
 STRICT

;
INSERT INTO "payments" VALUES(4330000000000000000,1100,1100,2000000000000,100,2000000000000,2000000000000,1,'4330000000000000000-p1','CAPTURED','SANDBOX','sandbox','sbx_1','CNY');
CREATE TABLE places (
	latitude REAL NOT NULL, 
	longitude REAL NOT NULL, 
	version INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	country TEXT NOT NULL, 
	postcode_prefix TEXT NOT NULL, 
	region TEXT NOT NULL, 
	CONSTRAINT pk_places PRIMARY KEY (tenant, country, region, postcode_prefix)
)
 STRICT

;
CREATE TABLE receipts (
	order_id INTEGER NOT NULL, 
	issued_at_ms INTEGER NOT NULL, 
	content TEXT NOT NULL, 
	CONSTRAINT pk_receipts PRIMARY KEY (order_id), 
	CONSTRAINT fk_receipts_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
CREATE TABLE refunds (
	order_id INTEGER NOT NULL, 
	amount_minor INTEGER NOT NULL, 
	created_at_ms INTEGER NOT NULL, 
	updated_at_ms INTEGER NOT NULL, 
	refund_no INTEGER NOT NULL, 
	payment_no INTEGER NOT NULL, 
	refund_key TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	provider_ref TEXT NOT NULL, 
	CONSTRAINT pk_refunds PRIMARY KEY (order_id, refund_no), 
	CONSTRAINT ck_refunds_state_is_known CHECK (state IN ('REQUESTED', 'DONE', 'FAILED')), 
	CONSTRAINT ck_refunds_amount_is_positive CHECK (amount_minor > 0), 
	CONSTRAINT fk_refunds_order_id_payment_no FOREIGN KEY(order_id, payment_no) REFERENCES payments (order_id, payment_no), 
	CONSTRAINT fk_refunds_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id), 
	CONSTRAINT uq_refunds_order_id UNIQUE (order_id, refund_key)
)
 STRICT

;
INSERT INTO "refunds" VALUES(4330000000000000000,100,2000000000000,2000000000000,1,1,'rk','REQUESTED','late','');
CREATE TABLE remarks (
	order_id INTEGER NOT NULL, 
	at_ms INTEGER NOT NULL, 
	remark_id TEXT NOT NULL, 
	author TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_remarks PRIMARY KEY (order_id, remark_id), 
	CONSTRAINT fk_remarks_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
INSERT INTO "remarks" VALUES(4330000000000000000,2000000000000,'4194304000000281782','buyer','web','please hurry');
CREATE TABLE reviews (
	order_id INTEGER NOT NULL, 
	review_id INTEGER NOT NULL, 
	at_ms INTEGER NOT NULL, 
	verdict TEXT NOT NULL, 
	findings TEXT NOT NULL, 
	reviewer TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_reviews PRIMARY KEY (order_id, review_id), 
	CONSTRAINT fk_reviews_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 WITHOUT ROWID,
 STRICT

;
CREATE TABLE seen (
	order_id INTEGER NOT NULL, 
	once INTEGER NOT NULL, 
	CONSTRAINT pk_seen PRIMARY KEY (order_id, once), 
	CONSTRAINT fk_seen_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 WITHOUT ROWID,
 STRICT

;
INSERT INTO "seen" VALUES(4330000000000000000,2253107734548874991);
CREATE TABLE shipments (
	order_id INTEGER NOT NULL, 
	weight_g INTEGER, 
	freight_minor INTEGER, 
	created_at_ms INTEGER NOT NULL, 
	updated_at_ms INTEGER NOT NULL, 
	shipped_at_ms INTEGER, 
	delivered_at_ms INTEGER, 
	promised_at_ms INTEGER, 
	collected_minor INTEGER, 
	temperature_min_millicelsius INTEGER, 
	temperature_max_millicelsius INTEGER, 
	shipment_no INTEGER NOT NULL, 
	sub_order_no INTEGER NOT NULL, 
	replaces INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	location TEXT NOT NULL, 
	lines TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	wave_id TEXT NOT NULL, 
	carrier TEXT NOT NULL, 
	service TEXT NOT NULL, 
	waybill TEXT NOT NULL, 
	CONSTRAINT pk_shipments PRIMARY KEY (order_id, shipment_no), 
	CONSTRAINT ck_shipments_state_is_known CHECK (state IN ('PLANNED', 'PICKED', 'PACKED', 'LABELLED', 'SHIPPED', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'LOST', 'DAMAGED', 'CANCELLED')), 
	CONSTRAINT fk_shipments_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
INSERT INTO "shipments" VALUES(4330000000000000000,NULL,NULL,2000000000000,2000000000000,2000000000000,NULL,NULL,NULL,NULL,NULL,1,0,0,'SHIPPED','north','[[1,"SKU-1",2]]','','','sandbox','','W1');
CREATE TABLE stray_callbacks (
	amount_minor INTEGER NOT NULL, 
	at_ms INTEGER NOT NULL, 
	received_at_ms INTEGER NOT NULL, 
	provider TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	payment_id TEXT NOT NULL, 
	refund_id TEXT NOT NULL, 
	provider_ref TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	CONSTRAINT pk_stray_callbacks PRIMARY KEY (provider, event_id)
)
 STRICT

;
CREATE TABLE tasks (
	task_id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	due_at_ms INTEGER NOT NULL, 
	created_at_ms INTEGER NOT NULL, 
	lease_until_ms INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	dead INTEGER NOT NULL, 
	lane TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	last_error TEXT NOT NULL, 
	CONSTRAINT pk_tasks PRIMARY KEY (task_id), 
	CONSTRAINT fk_tasks_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
CREATE TABLE temperature_readings (
	order_id INTEGER NOT NULL, 
	read_at_ms INTEGER NOT NULL, 
	millicelsius INTEGER NOT NULL, 
	shipment_no INTEGER NOT NULL, 
	out_of_limits INTEGER NOT NULL, 
	sensor TEXT NOT NULL, 
	CONSTRAINT pk_temperature_readings PRIMARY KEY (order_id, shipment_no, sensor, read_at_ms), 
	CONSTRAINT fk_temperature_readings_order_id_shipment_no FOREIGN KEY(order_id, shipment_no) REFERENCES shipments (order_id, shipment_no), 
	CONSTRAINT fk_temperature_readings_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
CREATE TABLE tracking_events (
	order_id INTEGER NOT NULL, 
	happened_at_ms INTEGER NOT NULL, 
	received_at_ms INTEGER NOT NULL, 
	amount_minor INTEGER NOT NULL, 
	shipment_no INTEGER NOT NULL, 
	carrier TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	place TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	CONSTRAINT pk_tracking_events PRIMARY KEY (carrier, event_id), 
	CONSTRAINT fk_tracking_events_order_id_shipment_no FOREIGN KEY(order_id, shipment_no) REFERENCES shipments (order_id, shipment_no), 
	CONSTRAINT fk_tracking_events_order_id FOREIGN KEY(order_id) REFERENCES orders (order_id)
)
 STRICT

;
CREATE TABLE warehouses (
	latitude REAL, 
	longitude REAL, 
	priority INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	closed INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	location TEXT NOT NULL, 
	country TEXT NOT NULL, 
	CONSTRAINT pk_warehouses PRIMARY KEY (tenant, location)
)
 STRICT

;
CREATE TABLE waves (
	created_at_ms INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	wave_id TEXT NOT NULL, 
	location TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	shipment_ids TEXT NOT NULL, 
	CONSTRAINT pk_waves PRIMARY KEY (tenant, wave_id)
)
 STRICT

;
CREATE INDEX ix_articles_version ON articles (tenant, version);
CREATE INDEX ix_orders_buyer ON orders (tenant, buyer_id, order_id);
CREATE INDEX ix_orders_state ON orders (tenant, state, order_id);
CREATE INDEX ix_orders_tenant ON orders (tenant, order_id);
CREATE INDEX ix_stray_callbacks_received ON stray_callbacks (provider, received_at_ms);
CREATE INDEX ix_payments_captured ON payments (captured_at_ms) WHERE captured_at_ms > 0;
CREATE INDEX ix_payments_quarantined ON payments (order_id, payment_no) WHERE state = 'QUARANTINED';
CREATE INDEX ix_reviews_waiting ON reviews (review_id) WHERE verdict = 'WAITS';
CREATE INDEX ix_shipments_state ON shipments (state, location, order_id);
CREATE INDEX ix_shipments_wave_id ON shipments (wave_id) WHERE wave_id != '';
CREATE INDEX ix_shipments_waybill ON shipments (waybill) WHERE waybill != '';
CREATE INDEX ix_tasks_due ON tasks (dead, due_at_ms);
CREATE INDEX ix_tasks_order_id ON tasks (order_id);
CREATE INDEX ix_incidents_due ON incidents (settled_at_ms, due_at_ms);
CREATE INDEX ix_refunds_failed ON refunds (order_id, refund_no) WHERE state = 'FAILED';
CREATE INDEX ix_tracking_events_shipment ON tracking_events (order_id, shipment_no);
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
    BEGIN SELECT RAISE(ABORT, 'history is only added to'); END;
CREATE TRIGGER history_is_not_taken_out BEFORE DELETE ON history
    BEGIN SELECT RAISE(ABORT, 'history is only added to'); END;
COMMIT;
